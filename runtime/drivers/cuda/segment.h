// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Segments: launches that are prepared once and submitted as a whole, as CUDA
// graphs. A segment is cut into pieces where another engine waits for a kernel in
// the middle; an event after each piece tells that it is done. Where times are
// asked for, its kernels are launched one by one between events.
#ifndef TERCET_DRIVERS_CUDA_SEGMENT_H
#define TERCET_DRIVERS_CUDA_SEGMENT_H

#include "launch.h"

typedef struct cuda_step {
  cuda_launch launch;
  uint32_t scalar_count;
  const uint32_t *scalar_refs;
  tercet_cuda_control *control;
  uint32_t piece;
  cuda_event start, end; // made when times are first asked for
} cuda_step;

typedef struct cuda_piece {
  uint32_t first, count; // of steps
  cuda_graph_exec graph;
  cuda_event done;
  int is_known; // to be done, since the last submission
} cuda_piece;

typedef struct cuda_segment {
  cuda_step *steps;
  cuda_piece *pieces;
  uint32_t count, piece_count;
  int is_measured; // the last submission is
} cuda_segment;

typedef struct cuda_segments {
  cuda_segment *list;
  uint32_t count;
  cuda_controls controls;
} cuda_segments;

// Forgets all segments; what they have of CUDA goes with the context.
void cuda_segments_clear(cuda_segments *segments);

// As tercet_driver_table.record. Within cuda_gpu_enter and leave.
tercet_status cuda_segments_record(cuda_segments *segments, cuda_gpu *gpu,
                                   const tercet_driver_place *place,
                                   const tercet_driver_submission *submission,
                                   const uint32_t *scalar_refs, tercet_error *error);

// Puts a segment on the stream; *call is what failed, if not CUDA_OK.
cuda_result cuda_segment_start(cuda_segment *segment, const cuda_gpu *gpu, const int64_t *values,
                               int measure, const char **call);

// The event after which a step is done; NULL: it is known to be.
cuda_event cuda_segment_event(const cuda_segment *segment, uint32_t step);

#endif // TERCET_DRIVERS_CUDA_SEGMENT_H
