// Settings and facts of libtorch that tch 0.26 does not hand on. CUDA is reached through libtorch's own interfaces, so
// that this compiles without CUDA's headers. Each function can go when tch has it.

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/util/env.h>
#include <torch/headeronly/version.h>

#include <mutex>
#include <set>
#include <string>

#include "../nn/guarded.h"

namespace {

// Prints each of libtorch's warnings once. libtorch repeats them at every call, that a kernel is not deterministic among
// them, and leaves it to Python to show them once.
class WarnedOnce final : public c10::WarningHandler {
 public:
  void process(const c10::Warning &warning) override {
    {
      const std::lock_guard<std::mutex> guard(lock);
      if (!told.insert(warning.msg()).second) return;
    }
    c10::WarningHandler::process(warning);
  }

 private:
  std::mutex lock;
  std::set<std::string> told;
};

// Never destroyed, since libtorch's threads may outlive static objects.
c10::WarningHandler *warned_once() {
  static auto *made = new WarnedOnce();
  return made;
}

c10::DeviceAllocator &device_memory() { return *c10::getDeviceAllocator(c10::DeviceType::CUDA); }

} // namespace

// How CUDA computes, for the whole process. tf32: whether products of float32 may round their factors to TF32.
// deterministic: whether the same input gives the same bits; what has no such kernel only warns, since max pooling's
// backward pass is said to have none, and no network would train. Such a warning comes once: it is this thread's, to which
// the backward pass hands on those of its own threads. Where it need not be, cuDNN times its kernels and takes the fastest.
extern "C" char *normprop_set_arithmetic(bool tf32, bool deterministic) {
  return guarded([&] {
    c10::WarningUtils::set_warning_handler(warned_once());
    auto &context = at::globalContext();
    context.setAllowTF32CuDNN(tf32);
    context.setAllowTF32CuBLAS(tf32);
    context.setDeterministicCuDNN(deterministic);
    context.setBenchmarkCuDNN(!deterministic);
    context.setDeterministicAlgorithms(deterministic, /*warn_only=*/true);
    // Nothing of ours reads memory that was not written, and to fill it would cost a pass.
    context.setDeterministicFillUninitializedMemory(false);
    // cuBLAS reads it at its first use; what the user set stays.
    if (deterministic) c10::utils::set_env("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/false);
  });
}

// The same as libtorch has it now.
extern "C" char *normprop_arithmetic(bool *tf32, bool *deterministic) {
  return guarded([&] {
    const auto &context = at::globalContext();
    const auto is_tf32 = [&](at::Float32Op op) {
      return context.float32Precision(at::Float32Backend::CUDA, op) == at::Float32Precision::TF32;
    };
    *tf32 = is_tf32(at::Float32Op::CONV) || is_tf32(at::Float32Op::RNN) || is_tf32(at::Float32Op::MATMUL);
    *deterministic = context.deterministicCuDNN() && context.deterministicAlgorithms();
  });
}

// The version whose headers this was compiled with.
extern "C" const char *normprop_libtorch_compiled() { return TORCH_VERSION; }

// What the libtorch in this process says of itself, in memory that the caller frees.
extern "C" char *normprop_libtorch_config(char **made) {
  return guarded([&] { *made = strdup(at::show_config().c_str()); });
}

// The version of the cuDNN in this process, as cuDNN numbers it.
extern "C" char *normprop_cudnn_version(long *version) {
  return guarded([&] { *version = at::detail::getCUDAHooks().versionRuntimeCuDNN(); });
}

// Bytes that tensors take on a CUDA device now, and the most that they took since the peak was reset.
extern "C" char *normprop_device_memory(int device, int64_t *now, int64_t *peak) {
  return guarded([&] {
    const auto stats = device_memory().getDeviceStats(static_cast<c10::DeviceIndex>(device));
    const auto &bytes = stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
    *now = bytes.current;
    *peak = bytes.peak;
  });
}

extern "C" char *normprop_reset_device_peak(int device) {
  return guarded([&] { device_memory().resetPeakStats(static_cast<c10::DeviceIndex>(device)); });
}
