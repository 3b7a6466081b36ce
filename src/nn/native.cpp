// What libtorch can and tch 0.26 does not hand on. Each function says when it can go.
//
// A function returns nothing, or what went wrong, in memory that the caller frees.

#include <ATen/core/Tensor.h>
#include <ATen/ops/hardtanh.h>

#include <cstring>
#include <exception>
#include <limits>

namespace {

template <typename Work> char *guarded(Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an exception without a message");
  }
}

} // namespace

// max(x, least), as a new tensor. Its backward pass is one kernel; that of clamp_min, which tch has, is several. Not in
// place: libtorch would copy x for the backward pass then. Can go when tch takes hardtanh's two limits: it calls it
// without them.
extern "C" char *normprop_at_least(const at::Tensor *x, double least, at::Tensor **made) {
  constexpr double unlimited = std::numeric_limits<double>::infinity();
  return guarded([&] { *made = new at::Tensor(at::hardtanh(*x, least, unlimited)); });
}
