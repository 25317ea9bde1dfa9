# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Chat templates against jinja2, set up as `transformers` sets it up: the same text for every template and conversation
# that both take, and an error for what is refused. The templates have the forms that published models use (turns in
# ChatML, headers as in Llama 3, instructions in brackets, roles that must alternate), and every construct once.

import pathlib
import subprocess

import jinja2
import jinja2.sandbox

import harness

CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
          "'\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")

# A default system message, written over several lines with white-space control.
DEFAULT_SYSTEM = """{%- if tools %}
    {{- 'tools' }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "tool" %}
        {{- message | tojson }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

HEADERS = """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""

HEADERS_WITH_DATE = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools_in_user_message is defined %}
    {%- set tools_in_user_message = true %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{#- The system message comes first. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

BRACKETS = """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""

LINES = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>
'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""

TURNS = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"""

# Reasoning that earlier answers may hold is cut off; the search for the last question goes backwards.
THINKING = """{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and message.content is string and not(message.content.startswith('<r>') and message.content.endswith('</r>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
    {%- if message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or reasoning) %}
            {{- '<a>' + reasoning.strip('\\n') + '|' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<a>' + content }}
        {%- endif %}
    {%- else %}
        {{- '<' ~ message.role ~ '>' ~ content }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<a>' }}{%- if enable_thinking is defined and enable_thinking is false %}x{%- endif %}{%- endif %}
"""

# Each construct once.
CONSTRUCTS = """a {{- 1 + 2 * 3 - 7 // 2 % 4 }} b {{ -3 // 2 }} {{ -3 % 5 }} {{ 2 == 2 and not 1 > 2 or false }}
  {% set x = 'one' if messages|length >= 2 else 'other' %}
{{ x }}{{ 'y' if false }}|{{ x[0] }}{{ x[-1] }}{{ x[1:] }}{{ x[:-1] }}{{ x[::-1] }}|
{% for i in range(2, 5) %}{{ i }},{{ loop.revindex }},{{ loop.length }};{% else %}none{% endfor %}
{% for i in [] %}never{% else %}empty{% endfor %}
{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ m.role|upper }}{{ loop.previtem is defined }}{% endfor %}

{#- a comment -#}
   {{ ['a', 'b'] | join('+') }} {{ ['a', 'b'] | first }}{{ ['a', 'b'] | last }} {{ 'b' in ['a', 'b'] }} {{ 'x' not in 'abc' }}
{{ nothing | default('d') }} {{ '' | default('e', true) }} {{ none is none }} {{ nothing is not defined }} {{ 'ABC'.lower() }}
{{ 'a-b-c'.replace('-', '+') }} {{ 'a,b'.split(',')[1] }} {{ messages[0].get('role', 'z') }} {{ messages[0].get('zz', 'z') }} {{ true }} {{ none }}
{% if 'a' < 'b' and 2 <= 2 and 3 != 4 %}{%+ set y = "double \\"quoted\\" \\\\ \\t" %}{{ y }}{% endif %}
{{ messages[-1]['content'][:3] ~ '/' ~ messages|length ~ '/' ~ ('q' 'r') }}
"""

TEMPLATES = {"chatml": CHATML, "default system": DEFAULT_SYSTEM, "headers": HEADERS, "headers with date": HEADERS_WITH_DATE,
             "brackets": BRACKETS, "lines": LINES, "turns": TURNS, "thinking": THINKING, "constructs": CONSTRUCTS}

CONVERSATIONS = {
    "question": [("user", "Hello, who are you?")],
    "with system": [("system", " Be brief. "), ("user", "1 < 2 & 'quotes'?")],
    "several turns": [("user", "a\nb\n"), ("assistant", "<think>\nhm\n</think>\n\nyes "), ("user", "caf\u00e9 \u65e5\u672c <|im_end|>"),
                      ("assistant", "no"), ("user", "  spaces  ")],
    "roles that do not alternate": [("user", "a"), ("user", "b")],
    "empty message": [("user", ""), ("assistant", ""), ("user", "x")],
}

REFUSED = {
    "macro": ("{% macro f(x) %}{% endmacro %}", "the statement 'macro' is not supported"),
    "no end": ("a\n\n{% for m in messages %}x", "line 3: expected {% endfor %}"),
    "no beginning": ("{% endif %}", "'endif' has no beginning"),
    "open tag": ("{{ 'a' ", "a tag has no end"),
    "open string": ("{{ 'a }}", "a string has no end"),
    "open comment": ("{# a", "a comment has no end"),
    "unknown filter": ("{{ messages | tojson }}", "the filter 'tojson'"),
    "unknown method": ("{{ 'a'.zfill(3) }}", "the method 'zfill'"),
    "unknown function": ("{{ now() }}", "the function 'now'"),
    "unknown test": ("{{ 1 is odd }}", "the test 'odd'"),
    "loop over pairs": ("{% for a, b in messages %}{% endfor %}", "a loop over pairs"),
    "undefined": ("{{ x.y }}", "'x', which is undefined"),
    "wrong types": ("{{ 'a' + 1 }}", "'+' with a string and a number"),
    "division": ("{{ 1 // 0 }}", "division by zero"),
    "character": ("{{ 1 ? 2 }}", "the character '?'"),
    "deep": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nested too deeply"),
    "deep not": ("{{ " + "not " * 100000 + "1 }}", "nested too deeply"),
    "deep chain": ("{{ 1" + " + 1" * 100000 + " }}", "nested too deeply"),
    "deep filters": ("{{ 'a'" + "|trim" * 100000 + " }}", "nested too deeply"),
    "deep names": ("{{ a" + ".b" * 100000 + " }}", "nested too deeply"),
    "deep tags": ("{% if 1 %}" * 5000 + "{% endif %}" * 5000, "nested too deeply"),
    "deep alternatives": ("{% if 0 %}" + "{% elif 0 %}" * 20000 + "{% endif %}", "nested too deeply"),
    "endless": ("{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}", "a million steps"),
    "endless text": ("{% set n = namespace(s='abcdefgh') %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
                     "a value is too long"),
    "endless list": ("{% set n = namespace(s=[1, 2]) %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
                     "a value is too long"),
    "endless replacement": ("{% set n = namespace(s='aaaaaaaa') %}{% for a in range(99) %}"
                            "{% set n.s = n.s.replace('a', n.s) %}{% endfor %}", "a value is too long"),
}


def reference(template, messages, prompt):
    """The text, or an exception of jinja2's."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)

    def refuse(text):
        raise jinja2.exceptions.TemplateError(text)

    environment.globals["raise_exception"] = refuse
    return environment.from_string(template).render(
        messages=[{"role": r, "content": c} for r, c in messages], add_generation_prompt=prompt, tools=None,
        documents=None, bos_token="<s>", eos_token="</s>")


def render(program, file, messages, prompt):
    data = b""
    for role, content in messages:
        content = content.encode()
        data += f"{role} {len(content)}\n".encode() + content
    return subprocess.run([program, str(file), "<s>", "</s>", str(int(prompt))], input=data, capture_output=True,
                          timeout=60)


def compare(program, file, template, messages, prompt):
    """None, or what is wrong."""
    try:
        expected = reference(template, messages, prompt)
    except jinja2.exceptions.TemplateError as error:
        expected = error
    done = render(program, file, messages, prompt)
    if isinstance(expected, Exception):
        said = done.stderr.decode()
        return None if done.returncode == 1 and "refuses these messages: " + str(expected) in said else \
            f"expected a refusal with '{expected}', got {done.stdout!a} {said!a}"
    if done.returncode:
        return done.stderr.decode()
    text, _, marks = done.stdout[:-1].rpartition(b"\n")
    if text.decode() != expected:
        return f"expected {expected!a}, got {text.decode()!a}"
    if len(marks) != len(text):
        return f"{len(marks)} marks for {len(text)} bytes"
    # What somebody typed is marked, the template's own control tokens are not.
    for content in [c for _, c in messages if len(c) > 6 and "think" not in c and c.strip() in expected]:
        at = text.find(content.strip().encode())
        if set(marks[at:at + len(content.strip().encode())]) != {ord("1")}:
            return f"the message {content!a} is not marked"
    for token in ("<s>", "<|im_start|>", "<|start_header_id|>", "[INST]", "<|user|>\n"):
        at = text.find(token.encode())
        if at >= 0 and set(marks[at:at + len(token)]) != {ord("0")}:
            return f"the template's '{token}' is marked as a message's"
    return None


def main():
    p = harness.parser("chat templates against jinja2")
    p.add_argument("--program", type=pathlib.Path, required=True, help="tercet-render-chat")
    arguments = p.parse_args()
    test = harness.Test(arguments)
    program = str(arguments.program.resolve())
    file = test.work / "template.jinja"
    for name, template in TEMPLATES.items():
        file.write_bytes(template.encode())
        for what, messages in CONVERSATIONS.items():
            for prompt in (True, False):
                test.check(f"{name}, {what}", compare(program, file, template, messages, prompt))
    for name, (template, part) in REFUSED.items():
        file.write_bytes(template.encode())
        done = render(program, file, CONVERSATIONS["question"], True)
        said = done.stderr.decode()
        test.check(f"refused: {name}", None if done.returncode == 1 and part in said and said.count("\n") == 1 and
                   "chat template, line" in said else f"expected one line with '{part}', got {done.returncode} {said!a}")
    test.finish()


if __name__ == "__main__":
    main()
