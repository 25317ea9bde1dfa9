// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elements between memory and registers.

#include "compiler/reference/Program.h"

using namespace mlir;
using namespace tercet;

namespace {

template <class T> T loadAt(const char *address) {
  T value;
  std::memcpy(&value, address, sizeof(T));
  return value;
}

template <class T, class Out, class Convert>
void loadLoop(const char *base, int64_t stride, int n, Out *out, Convert convert) {
  if (stride == 1) {
    for (int i = 0; i < n; ++i)
      out[i] = convert(loadAt<T>(base + i * sizeof(T)));
  } else if (stride == 0) {
    Out value = convert(loadAt<T>(base));
    for (int i = 0; i < n; ++i)
      out[i] = value;
  } else {
    for (int i = 0; i < n; ++i)
      out[i] = convert(loadAt<T>(base + i * stride * int64_t(sizeof(T))));
  }
}

template <class T, class In, class Convert>
void storeLoop(const In *in, char *base, int64_t stride, int n, Convert convert) {
  for (int i = 0; i < n; ++i) {
    T value = convert(in[i]);
    std::memcpy(base + i * stride * int64_t(sizeof(T)), &value, sizeof(T));
  }
}

} // namespace

void tercet::loadLanes(ElementKind kind, const char *base, int64_t stride, int n, Lanes &lanes) {
  auto same = [](auto value) { return value; };
  auto widen = [](auto value) { return int64_t(value); };
  switch (kind) {
  case ElementKind::F32:
    return loadLoop<float>(base, stride, n, lanes.f32, same);
  case ElementKind::F64:
    return loadLoop<double>(base, stride, n, lanes.f64, same);
  case ElementKind::F16:
    return loadLoop<Half>(base, stride, n, lanes.f32, [](Half v) { return toFloat(v); });
  case ElementKind::BF16:
    return loadLoop<BFloat16>(base, stride, n, lanes.f32, [](BFloat16 v) { return toFloat(v); });
  case ElementKind::Bool:
    return loadLoop<uint8_t>(base, stride, n, lanes.i64,
                             [](uint8_t v) { return int64_t(v != 0 ? -1 : 0); });
  case ElementKind::I8:
  case ElementKind::U8:
    return loadLoop<int8_t>(base, stride, n, lanes.i64, widen);
  case ElementKind::I16:
  case ElementKind::U16:
    return loadLoop<int16_t>(base, stride, n, lanes.i64, widen);
  case ElementKind::I32:
  case ElementKind::U32:
    return loadLoop<int32_t>(base, stride, n, lanes.i64, widen);
  case ElementKind::I64:
  case ElementKind::U64:
    return loadLoop<int64_t>(base, stride, n, lanes.i64, widen);
  }
}

void tercet::splatLanes(ElementKind kind, const char *element, Lanes &lanes) {
  loadLanes(kind, element, 0, kLanes, lanes);
}

void tercet::copyLane(ElementKind kind, const Lanes &from, Lanes &to, int lane) {
  if (!isFloatKind(kind))
    to.i64[lane] = from.i64[0];
  else if (kind == ElementKind::F64)
    to.f64[lane] = from.f64[0];
  else
    to.f32[lane] = from.f32[0];
}

void tercet::storeLanes(ElementKind kind, const Lanes &lanes, char *base, int64_t stride, int n) {
  auto same = [](auto value) { return value; };
  switch (kind) {
  case ElementKind::F32:
    return storeLoop<float>(lanes.f32, base, stride, n, same);
  case ElementKind::F64:
    return storeLoop<double>(lanes.f64, base, stride, n, same);
  case ElementKind::F16:
    return storeLoop<Half>(lanes.f32, base, stride, n, toHalf);
  case ElementKind::BF16:
    return storeLoop<BFloat16>(lanes.f32, base, stride, n, toBFloat16);
  case ElementKind::Bool:
    return storeLoop<uint8_t>(lanes.i64, base, stride, n, [](int64_t v) { return uint8_t(v & 1); });
  case ElementKind::I8:
  case ElementKind::U8:
    return storeLoop<int8_t>(lanes.i64, base, stride, n, same);
  case ElementKind::I16:
  case ElementKind::U16:
    return storeLoop<int16_t>(lanes.i64, base, stride, n, same);
  case ElementKind::I32:
  case ElementKind::U32:
    return storeLoop<int32_t>(lanes.i64, base, stride, n, same);
  case ElementKind::I64:
  case ElementKind::U64:
    return storeLoop<int64_t>(lanes.i64, base, stride, n, same);
  }
}
