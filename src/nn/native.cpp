// What libtorch can and tch 0.26 does not hand on. Each function says when it can go.
//
// A function returns nothing, or what went wrong, in memory that the caller frees.

#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/addcmul.h>
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

// x + factor * a * b, broadcast, as one operation. Can go when tch's addcmul takes its factor: it calls it with 1.
extern "C" char *normprop_plus_product(const at::Tensor *x, const at::Tensor *a, const at::Tensor *b, double factor, at::Tensor **made) {
  return guarded([&] { *made = new at::Tensor(at::addcmul(*x, *a, *b, factor)); });
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

// Parameters, their gradients and what an optimizer keeps of each, all of one element type, each in its parameter's order
// of memory. kept[k] is null where the formula keeps less.
struct ParameterHandles {
  Handles parameters, gradients, kept[3];
  size_t count;
};

struct AdamNumbers {
  double lr, beta1, beta2, decay, eps;
  bool decoupled;
};

struct RmsPropNumbers {
  double lr, alpha, eps, momentum, decay;
};

// v = momentum * v + g + decay * p; p -= lr * v, or with Nesterov's form lr * (g + decay * p + momentum * v). Without
// momentum libtorch takes no v, which nothing depends on then.
extern "C" char *normprop_sgd_step(const ParameterHandles *of, double lr, double decay, double momentum, bool nesterov) {
  return guarded([&] {
    const auto p = list(of->parameters, of->count), g = list(of->gradients, of->count);
    const auto v = list(of->kept[0], momentum == 0 ? 0 : of->count);
    constexpr double dampening = 0;
    constexpr bool maximize = false, is_first = false;
    at::_fused_sgd_(p, g, v, decay, momentum, lr, dampening, nesterov, maximize, is_first);
  });
}

// Adam, or AdamW where it is decoupled. `step` is the number of the step, as a single float32 on the device.
extern "C" char *normprop_adam_step(const ParameterHandles *of, const at::Tensor *step, const AdamNumbers *with) {
  return guarded([&] {
    const auto p = list(of->parameters, of->count), g = list(of->gradients, of->count);
    const auto first = list(of->kept[0], of->count), second = list(of->kept[1], of->count);
    const bool amsgrad = of->kept[2] != nullptr;
    const auto largest = amsgrad ? list(of->kept[2], of->count) : std::vector<at::Tensor>();
    const std::vector<at::Tensor> steps(of->count, *step);
    const auto &[lr, beta1, beta2, decay, eps, decoupled] = *with;
    constexpr bool maximize = false;
    if (decoupled) at::_fused_adamw_(p, g, first, second, largest, steps, lr, beta1, beta2, decay, eps, amsgrad, maximize);
    else at::_fused_adam_(p, g, first, second, largest, steps, lr, beta1, beta2, decay, eps, amsgrad, maximize);
  });
}

// RMSProp, which libtorch has no single function for: src/nn/update/rms_prop_step.rs has the formula.
extern "C" char *normprop_rms_prop_step(const ParameterHandles *of, const RmsPropNumbers *with) {
  return guarded([&] {
    const auto p = list(of->parameters, of->count), gradients = list(of->gradients, of->count);
    const auto square = list(of->kept[0], of->count), velocity = list(of->kept[1], of->count);
    const auto g = with->decay == 0 ? gradients : at::_foreach_add(gradients, p, with->decay);
    at::_foreach_mul_(square, with->alpha);
    at::_foreach_addcmul_(square, g, g, 1 - with->alpha);
    auto root = square;
    if (of->kept[2]) {
      const auto average = list(of->kept[2], of->count);
      at::_foreach_lerp_(average, g, 1 - with->alpha);
      root = at::_foreach_addcmul(square, average, average, -1);
      at::_foreach_clamp_min_(root, 0);
    }
    root = at::_foreach_sqrt(root);
    at::_foreach_add_(root, with->eps);
    at::_foreach_mul_(velocity, with->momentum);
    at::_foreach_addcdiv_(velocity, g, root, 1);
    at::_foreach_add_(p, velocity, -with->lr);
  });
}
