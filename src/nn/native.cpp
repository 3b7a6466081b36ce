// What libtorch can and tch 0.26 does not hand on. Each function says when it can go.
//
// A function returns nothing, or what went wrong, in memory that the caller frees.

#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/stack.h>

#include <limits>
#include <vector>

#include "guarded.h"

namespace {

// Tensors as tch hands them over.
using Handles = const at::Tensor *const *;

std::vector<at::Tensor> list(Handles tensors, size_t count) {
  std::vector<at::Tensor> made;
  made.reserve(count);
  for (size_t i = 0; i < count; ++i) made.push_back(*tensors[i]);
  return made;
}

} // namespace

// max(x, least), as a new tensor. Its backward pass is one kernel; that of clamp_min, which tch has, is several. Not in
// place: libtorch would copy x for the backward pass then. Can go when tch takes hardtanh's two limits: it calls it
// without them.
extern "C" char *normprop_at_least(const at::Tensor *x, double least, at::Tensor **made) {
  constexpr double unlimited = std::numeric_limits<double>::infinity();
  return guarded([&] { *made = new at::Tensor(at::hardtanh(*x, least, unlimited)); });
}

// x, which lies on the host, on a CUDA device: first in pinned memory, from where it is copied while the host goes on.
// Can go when tch's pin_memory no longer hands on the device, at which libtorch prints a warning each time.
extern "C" char *normprop_sent(const at::Tensor *x, int8_t index, at::Tensor **made) {
  return guarded([&] {
    const at::Device device(at::kCUDA, index);
    *made = new at::Tensor(x->pin_memory().to(x->options().device(device), /*non_blocking=*/true));
  });
}

// The functions below are libtorch's for lists of tensors, in which CUDA computes with one kernel (or a few, where a list
// is long). They can go when tch has them: version 0.26 has no function whose name begins with _foreach or _fused.

// The sum of squares of all elements of all tensors, in float64, as a single number where they are.
extern "C" char *normprop_sum_of_squares(Handles tensors, size_t count, at::Tensor **made) {
  return guarded([&] {
    const auto lengths = at::stack(at::_foreach_norm(list(tensors, count), 2, at::kDouble));
    *made = new at::Tensor(at::dot(lengths, lengths));
  });
}

// Every tensor times a single number on their device; `made` has place for as many.
extern "C" char *normprop_multiplied(Handles tensors, size_t count, const at::Tensor *factor, at::Tensor **made) {
  return guarded([&] {
    const auto products = at::_foreach_mul(list(tensors, count), *factor);
    for (size_t i = 0; i < count; ++i) made[i] = new at::Tensor(products[i]);
  });
}
