// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks of an image, in the order in which a reader goes through it. Of SPIR-V
// only what a driver depends on is looked at: where instructions end, the entry
// point, the local size, capabilities, and where bindings are.
#include "image.h"
#include "../failure.h"
#include <string.h>

#define SPIRV_MAGIC 0x07230203u
#define SPIRV_NEWEST 0x00010600u // Vulkan 1.3
#define SPIRV_USUAL 0x00010300u  // Vulkan 1.1

enum {
  OP_ENTRY_POINT = 15,
  OP_EXECUTION_MODE = 16,
  OP_CAPABILITY = 17,
  OP_DECORATE = 71,
  MODEL_COMPUTE = 5,
  MODE_LOCAL_SIZE = 17,
  MODE_LOCAL_SIZE_ID = 38,
  DECORATION_BINDING = 33,
  DECORATION_SET = 34,
};

uint32_t vulkan_capability_features(uint32_t capability) {
  static const struct {
    uint32_t capability, features;
  } known[] = {{0, 0},                                             // Matrix
               {1, 0},                                             // Shader
               {9, 1u << TERCET_VULKAN_FLOAT16_BIT},               // Float16
               {11, 1u << TERCET_VULKAN_INT64_BIT},                // Int64
               {22, 1u << TERCET_VULKAN_INT16_BIT},                // Int16
               {39, 1u << TERCET_VULKAN_INT8_BIT},                 // Int8
               {61, 0},                                            // GroupNonUniform
               {63, 1u << TERCET_VULKAN_SUBGROUP_ARITHMETIC_BIT},  // GroupNonUniformArithmetic
               {65, 1u << TERCET_VULKAN_SUBGROUP_SHUFFLE_BIT},     // GroupNonUniformShuffle
               {4433, 1u << TERCET_VULKAN_STORAGE_16_BIT},         // StorageBuffer16BitAccess
               {4448, 1u << TERCET_VULKAN_STORAGE_8_BIT},          // StorageBuffer8BitAccess
               {5345, 1u << TERCET_VULKAN_COOPERATIVE_MATRIX_BIT}, // VulkanMemoryModel
               {6016, 1u << TERCET_VULKAN_DOT_BIT},                // DotProductInputAll
               {6017, 1u << TERCET_VULKAN_DOT_BIT | 1u << TERCET_VULKAN_INT8_BIT}, // ...Input4x8Bit
               {6018, 1u << TERCET_VULKAN_DOT_BIT},                 // DotProductInput4x8BitPacked
               {6019, 1u << TERCET_VULKAN_DOT_BIT},                 // DotProduct
               {6022, 1u << TERCET_VULKAN_COOPERATIVE_MATRIX_BIT}}; // CooperativeMatrixKHR
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
    if (known[i].capability == capability)
      return known[i].features;
  return UINT32_MAX;
}

static const tercet_vulkan_image *header(const vulkan_image *image) {
  return (const tercet_vulkan_image *)(const void *)image->bytes;
}

// Whether `count` elements lie in the image.
static int inside(const vulkan_image *image, uint32_t offset, uint64_t count, uint32_t stride) {
  return !count || (offset % 4 == 0 && offset >= sizeof(tercet_vulkan_image) &&
                    offset + count * stride <= header(image)->bytes);
}

static tercet_status check_header(vulkan_image *image, uint64_t size, uint32_t kernel_count,
                                  tercet_error *error) {
  const char *wrong = NULL;
  const tercet_vulkan_image *h = header(image);
  if (!image->bytes)
    wrong = "absent";
  else if ((uintptr_t)image->bytes % 4)
    wrong = "not aligned to 4 bytes";
  else if (size < sizeof *h || h->magic != TERCET_VULKAN_IMAGE_MAGIC)
    wrong = "not one of Tercet's";
  if (wrong)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "the GPU's image is %s", wrong);
  if (h->version != TERCET_VULKAN_IMAGE_VERSION)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the GPU's image is of version %u, this driver of %u", h->version,
                       TERCET_VULKAN_IMAGE_VERSION);
  if (h->bytes > size || h->bytes < sizeof *h)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the GPU's image says %u bytes, %llu are there", h->bytes,
                       (unsigned long long)size);
  if (h->kernel_count != kernel_count)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the GPU's image has %u kernels, the program's table names %u",
                       h->kernel_count, kernel_count);
  if (!inside(image, h->kernels, h->kernel_count, sizeof(tercet_vulkan_kernel)) ||
      !inside(image, h->alternatives, h->alternative_count, sizeof(tercet_vulkan_alternative)) ||
      !inside(image, h->operands, h->operand_count, sizeof(tercet_vulkan_operand)))
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "a table of the GPU's image is outside");
  return TERCET_OK;
}

// What is wrong with a kernel's record, or NULL.
static const char *check_kernel(const vulkan_image *image, const tercet_vulkan_kernel *kernel) {
  const tercet_vulkan_image *h = header(image);
  if (kernel->name >= h->bytes || !memchr(image->bytes + kernel->name, 0, h->bytes - kernel->name))
    return "name outside";
  if (!kernel->alternative_count || kernel->first_alternative > h->alternative_count ||
      kernel->alternative_count > h->alternative_count - kernel->first_alternative)
    return "alternatives outside";
  if (kernel->first_operand > h->operand_count ||
      kernel->operand_count > h->operand_count - kernel->first_operand)
    return "operands outside";
  if (kernel->operand_count > TERCET_VULKAN_OPERANDS_MAX)
    return "too many operands";
  if (kernel->control > 1 || (!kernel->control && kernel->scalar_count))
    return "scalars without a control block";
  if (kernel->scalar_count > 65536)
    return "too many scalars";
  for (uint32_t i = 0; i < kernel->operand_count; ++i) {
    const tercet_vulkan_operand *operand = &image->operands[kernel->first_operand + i];
    uint32_t a = operand->alignment;
    if (a < 4 || a > 16 || a & (a - 1))
      return "alignment of an operand is not 4, 8 or 16";
    if (!operand->access || operand->access > (TERCET_ACCESS_READ | TERCET_ACCESS_WRITE))
      return "access of an operand unknown";
  }
  return NULL;
}

// ---- SPIR-V -----------------------------------------------------------------

typedef struct code {
  const uint32_t *words;
  uint32_t count;
} code;

// What has been seen of a module.
typedef struct seen {
  uint32_t entry_points, entry, local_sizes;
  uint32_t local_size[3], local_of;
} seen;

// Whether the words hold that NUL-terminated text, nothing else looked at.
static int is_text(const uint32_t *words, uint32_t count, const char *text) {
  size_t bytes = strlen(text) + 1;
  return bytes <= (size_t)count * 4 && memcmp(words, text, bytes) == 0;
}

// What is wrong with an instruction, or NULL.
static const char *look(const uint32_t *at, uint32_t words, uint32_t features, uint32_t bindings,
                        seen *s) {
  switch (at[0] & 0xFFFFu) {
  case OP_CAPABILITY: {
    uint32_t needs = words == 2 ? vulkan_capability_features(at[1]) : UINT32_MAX;
    if (needs == UINT32_MAX)
      return "declares a capability that this driver does not know";
    return needs & ~features ? "declares a capability beyond its recorded features" : NULL;
  }
  case OP_ENTRY_POINT:
    if (words < 4 || at[1] != MODEL_COMPUTE || !is_text(at + 3, words - 3, "main"))
      return "has an entry point that is not the compute shader 'main'";
    s->entry = at[2];
    ++s->entry_points;
    return NULL;
  case OP_EXECUTION_MODE:
    if (words >= 3 && at[2] == MODE_LOCAL_SIZE_ID)
      return "has a local size by ids";
    if (words < 3 || at[2] != MODE_LOCAL_SIZE)
      return NULL;
    if (words != 6)
      return "has a local size of other than three numbers";
    memcpy(s->local_size, at + 3, sizeof s->local_size);
    s->local_of = at[1];
    ++s->local_sizes;
    return NULL;
  case OP_DECORATE:
    if (words == 4 && at[2] == DECORATION_BINDING && at[3] >= bindings)
      return "has a binding beyond its operands";
    if (words == 4 && at[2] == DECORATION_SET && at[3] != 0)
      return "has a descriptor set other than 0";
    return NULL;
  default:
    return NULL;
  }
}

static const char *check_code(const code *c, const tercet_vulkan_alternative *alternative,
                              uint32_t bindings) {
  uint32_t newest =
      alternative->features >> TERCET_VULKAN_VULKAN_1_3_BIT & 1 ? SPIRV_NEWEST : SPIRV_USUAL;
  if (c->count < 5 || c->words[0] != SPIRV_MAGIC)
    return "is not SPIR-V";
  if (c->words[1] > newest)
    return "is of a later version of SPIR-V than its features allow";
  seen s = {0};
  for (uint32_t i = 5; i < c->count;) {
    uint32_t words = c->words[i] >> 16;
    if (!words || words > c->count - i)
      return "has an instruction that goes beyond its end";
    const char *wrong = look(c->words + i, words, alternative->features, bindings, &s);
    if (wrong)
      return wrong;
    i += words;
  }
  if (s.entry_points != 1 || s.local_sizes != 1 || s.local_of != s.entry)
    return "has not exactly one entry point with one local size";
  if (memcmp(s.local_size, alternative->local_size, sizeof s.local_size) != 0)
    return "has another local size than is recorded";
  return NULL;
}

static const char *check_alternative(const vulkan_image *image, const tercet_vulkan_kernel *kernel,
                                     const tercet_vulkan_alternative *alternative) {
  uint64_t threads = 1;
  for (int i = 0; i < 3; ++i) {
    if (!alternative->local_size[i] || alternative->local_size[i] > 65536)
      return "has an empty or too large local size";
    threads *= alternative->local_size[i];
  }
  if (threads > 65536)
    return "has an empty or too large local size";
  if (alternative->features >> TERCET_VULKAN_FEATURE_COUNT)
    return "needs a feature that this driver does not know";
  if (alternative->code_bytes % 4 || !inside(image, alternative->code, alternative->code_bytes, 1))
    return "is outside of the image";
  code c = {(const uint32_t *)(const void *)(image->bytes + alternative->code),
            alternative->code_bytes / 4};
  return check_code(&c, alternative, kernel->operand_count + kernel->control);
}

tercet_status vulkan_image_check(const void *bytes, uint64_t size, uint32_t kernel_count,
                                 vulkan_image *image, tercet_error *error) {
  image->bytes = (const unsigned char *)bytes;
  tercet_status status = check_header(image, size, kernel_count, error);
  if (status)
    return status;
  const tercet_vulkan_image *h = header(image);
  image->kernel_count = h->kernel_count;
  image->kernels = (const tercet_vulkan_kernel *)(const void *)(image->bytes + h->kernels);
  image->alternatives =
      (const tercet_vulkan_alternative *)(const void *)(image->bytes + h->alternatives);
  image->operands = (const tercet_vulkan_operand *)(const void *)(image->bytes + h->operands);
  for (uint32_t k = 0; k < image->kernel_count; ++k) {
    const tercet_vulkan_kernel *kernel = &image->kernels[k];
    const char *wrong = check_kernel(image, kernel);
    if (wrong)
      return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "kernel %u of the GPU's image: %s", k,
                         wrong);
    for (uint32_t a = 0; a < kernel->alternative_count; ++a) {
      wrong = check_alternative(image, kernel, &image->alternatives[kernel->first_alternative + a]);
      if (wrong)
        return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                           "kernel '%.60s' of the GPU's image: alternative %u %s",
                           vulkan_image_name(image, k), a, wrong);
    }
  }
  return TERCET_OK;
}
