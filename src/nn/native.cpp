// What libtorch can and tch 0.26 does not hand on. Each function says when it can go.
//
// A function returns nothing, or what went wrong, in memory that the caller frees.

#include <ATen/core/Tensor.h>
#include <ATen/ops/hardtanh.h>

#include <cstring>
#include <limits>

namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

template <typename Work> char *guarded(Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  }
}

} // namespace

// max(x, least), into a new tensor or in place. Of clamp_min_, which tch has, the backward pass needs a copy of x; of
// hardtanh_ it needs the result. Can go when tch takes hardtanh's two limits: it calls it without them.
extern "C" char *normprop_at_least(const at::Tensor *x, double least, at::Tensor **made) {
  return guarded([&] { *made = new at::Tensor(at::hardtanh(*x, least, unlimited)); });
}

extern "C" char *normprop_at_least_(at::Tensor *x, double least) {
  return guarded([&] { at::hardtanh_(*x, least, unlimited); });
}
