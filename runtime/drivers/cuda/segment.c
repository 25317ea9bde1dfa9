// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A graph is made by capturing the launches, so that a kernel runs with the same
// parameters in it and alone. Only control blocks change from run to run, and
// they are memory. Invariant: a submission allocates nothing, but for events when
// times are asked for the first time.
#include "segment.h"
#include "../failure.h"
#include <stdlib.h>

void cuda_segments_clear(cuda_segments *segments) {
  for (uint32_t i = 0; i < segments->count; ++i) {
    cuda_segment *segment = &segments->list[i];
    for (uint32_t s = 0; segment->steps && s < segment->count; ++s)
      free(segment->steps[s].launch.parameters);
    free(segment->steps);
    free(segment->pieces);
  }
  free(segments->list);
  segments->list = NULL;
  segments->count = 0;
  segments->controls.chunk = 0;
  segments->controls.used = 0;
}

static tercet_status fail_memory(tercet_error *error) {
  return driver_fail(error, TERCET_ERROR_SYSTEM_MEMORY, "no memory for a segment");
}

static tercet_status begin(cuda_segments *segments, const tercet_driver_place *place,
                           tercet_error *error) {
  size_t bytes = (segments->count + 1u) * sizeof *segments->list;
  cuda_segment *list = (cuda_segment *)realloc(segments->list, bytes);
  if (!list)
    return fail_memory(error);
  segments->list = list;
  cuda_segment *segment = &list[segments->count++];
  *segment = (cuda_segment){.count = place->count};
  segment->steps = (cuda_step *)calloc(place->count, sizeof *segment->steps);
  segment->pieces = (cuda_piece *)calloc(place->count, sizeof *segment->pieces);
  return segment->steps && segment->pieces ? TERCET_OK : fail_memory(error);
}

static cuda_result capture(cuda_segment *segment, cuda_piece *piece, const cuda_gpu *gpu,
                           const char **call) {
  const cuda_library *cuda = &gpu->library;
  cuda_graph graph = NULL;
  *call = "cuStreamBeginCapture";
  cuda_result result = cuda->capture_begin(gpu->stream, CUDA_CAPTURE_OF_THREAD);
  if (result)
    return result;
  *call = "cuLaunchKernel";
  for (uint32_t i = 0; i < piece->count && !result; ++i)
    result = cuda_launch_start(gpu, &segment->steps[piece->first + i].launch);
  cuda_result end = cuda->capture_end(gpu->stream, &graph);
  if (!result && end)
    *call = "cuStreamEndCapture", result = end;
  if (!result)
    *call = "cuGraphInstantiate", result = cuda->graph_instantiate(&piece->graph, graph, 0);
  if (graph)
    cuda->graph_destroy(graph);
  if (!result)
    *call = "cuEventCreate", result = cuda->event_create(&piece->done, 0);
  return result;
}

tercet_status cuda_segments_record(cuda_segments *segments, cuda_gpu *gpu,
                                   const tercet_driver_place *place,
                                   const tercet_driver_submission *submission,
                                   const uint32_t *scalar_refs, tercet_error *error) {
  tercet_status status = place->index ? TERCET_OK : begin(segments, place, error);
  if (status)
    return status;
  cuda_segment *segment = &segments->list[place->segment];
  cuda_step *step = &segment->steps[place->index];
  cuda_address control = 0;
  step->launch.parameters = (uint64_t *)calloc(submission->operand_count + 1u, sizeof(uint64_t));
  if (!step->launch.parameters)
    return fail_memory(error);
  status = cuda_controls_take(gpu, &segments->controls, submission->scalar_count, &step->control,
                              &control, error);
  if (status)
    return status;
  step->scalar_count = submission->scalar_count;
  step->scalar_refs = scalar_refs;
  step->piece = segment->piece_count;
  const char *call = "a submission";
  cuda_result result = cuda_launch_make(gpu, submission, control, &step->launch);
  if (!result && (place->awaited || place->index + 1 == place->count)) {
    cuda_piece *piece = &segment->pieces[segment->piece_count++];
    const cuda_piece *before = piece - 1;
    piece->first = step->piece ? before->first + before->count : 0;
    piece->count = place->index + 1 - piece->first;
    result = capture(segment, piece, gpu, &call);
  }
  if (!result)
    return TERCET_OK;
  char text[TERCET_ERROR_TEXT_BYTES];
  cuda_library_explain(&gpu->library, result, text, sizeof text);
  return driver_fail(
      error, cuda_launch_is_refusal(result) ? TERCET_ERROR_ENGINE_IMAGE : TERCET_ERROR_ENGINE_LOST,
      "%s at kernel '%.50s': %.100s", call, cuda_launch_name(gpu, submission->kernel), text);
}

static cuda_result start_measured(cuda_segment *segment, const cuda_gpu *gpu, const char **call) {
  const cuda_library *cuda = &gpu->library;
  cuda_result result = CUDA_OK;
  for (uint32_t i = 0; i < segment->count && !result; ++i) {
    cuda_step *step = &segment->steps[i];
    *call = "cuEventCreate";
    if (!step->start)
      result = cuda->event_create(&step->start, 0);
    if (!result && !step->end)
      result = cuda->event_create(&step->end, 0);
    if (!result)
      *call = "cuEventRecord", result = cuda->event_record(step->start, gpu->stream);
    if (!result)
      *call = "cuLaunchKernel", result = cuda_launch_start(gpu, &step->launch);
    if (!result)
      *call = "cuEventRecord", result = cuda->event_record(step->end, gpu->stream);
  }
  return result;
}

cuda_result cuda_segment_start(cuda_segment *segment, const cuda_gpu *gpu, const int64_t *values,
                               int measure, const char **call) {
  for (uint32_t i = 0; i < segment->count; ++i) {
    cuda_step *step = &segment->steps[i];
    step->control->fault = 0;
    for (uint32_t s = 0; s < step->scalar_count; ++s)
      step->control->scalars[s] = values[step->scalar_refs[s]];
  }
  segment->is_measured = measure;
  if (measure)
    return start_measured(segment, gpu, call);
  cuda_result result = CUDA_OK;
  for (uint32_t i = 0; i < segment->piece_count && !result; ++i) {
    cuda_piece *piece = &segment->pieces[i];
    piece->is_known = 0;
    *call = "cuGraphLaunch";
    result = gpu->library.graph_launch(piece->graph, gpu->stream);
    if (!result)
      *call = "cuEventRecord", result = gpu->library.event_record(piece->done, gpu->stream);
  }
  return result;
}

cuda_event cuda_segment_event(const cuda_segment *segment, uint32_t step) {
  const cuda_piece *piece = &segment->pieces[segment->steps[step].piece];
  if (segment->is_measured)
    return segment->steps[step].end;
  return piece->is_known ? NULL : piece->done;
}
