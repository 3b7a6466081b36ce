// A device for tests: to libtorch it is CUDA's first, its memory lies on the host, and the CPU computes on it.
//
// libtorch built for the CPU knows the device type CUDA, but has no memory, no kernels and no streams for it. This file
// provides them, so that a program that was built as always trains on "cuda" without a GPU, through the same calls and
// the same branches of libtorch. Every operation is counted. One whose operands lie on two devices is an error, as it is
// there. What makes the host wait on CUDA is counted as a wait, and what copies between the two memories as a copy.
//
// It shows nothing of cuDNN, cuBLAS, rounding on a GPU, streams, races or time. Where libtorch has CUDA it must not be
// loaded. Loaded it is by dlopen before the first use of libtorch, or by LD_PRELOAD.
//
// TEST_DEVICE_COUNT says how many there are to be (all are the first), TEST_DEVICE_BYTES how much memory.
#include <ATen/Context.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/_local_scalar_dense.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/resize_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/Allocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/util/Exception.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using at::Tensor;
constexpr auto kType = c10::DeviceType::CUDA;
const c10::Device kDevice(kType, 0);

// What was counted.
enum What { kOperations, kWaits, kToHost, kToDevice, kMixed, kWhats };
struct Counts {
  std::mutex lock;
  std::array<long long, kWhats> totals{};
  std::map<std::string, long long> names;
};
// Never destroyed: threads of libtorch may outlive this library's static objects.
static Counts& counts() {
  static auto* made = new Counts();
  return *made;
}
static void count(What what, const std::string& name) {
  std::lock_guard<std::mutex> guard(counts().lock);
  counts().totals[what]++;
  counts().names[name]++;
}
static std::string told() {
  static const char* const titles[kWhats] = {"operations", "waits", "copies to the host", "copies to the device", "mixed devices"};
  std::lock_guard<std::mutex> guard(counts().lock);
  std::ostringstream text;
  for (int what = 0; what < kWhats; ++what) text << counts().totals[what] << "\t" << titles[what] << "\n";
  for (const auto& [name, times] : counts().names) text << times << "\t  " << name << "\n";
  return text.str();
}

extern "C" {
long long test_device_count(int what) {
  std::lock_guard<std::mutex> guard(counts().lock);
  return counts().totals.at(what);
}
void test_device_reset() {
  std::lock_guard<std::mutex> guard(counts().lock);
  counts().totals = {};
  counts().names.clear();
}
// The counts as text, at most `size` bytes with the closing zero.
void test_device_tell(char* into, unsigned long size) {
  const std::string text = told();
  std::strncpy(into, text.c_str(), size - 1);
  into[size - 1] = 0;
}
}

// A program that loads this library writes the counts here when it ends.
struct Report {
  ~Report() {
    const char* path = std::getenv("TEST_DEVICE_COUNTS");
    // A program that only started another, such as a shell, has counted nothing.
    if (path && !counts().names.empty()) std::ofstream(path) << told();
  }
} static report_;

// A number in the environment of the program that loads this library.
static size_t number(const char* variable, size_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Memory, as much as TEST_DEVICE_BYTES says, and what is in use of it.
struct Memory final : c10::DeviceAllocator {
  explicit Memory(c10::Device device) : device(device) {}
  c10::Device device;
  c10::DataPtr allocate(size_t bytes) override {
    static const size_t limit = number("TEST_DEVICE_BYTES", SIZE_MAX);
    const size_t used = static_cast<size_t>(in_use().current);
    // In the words of CUDA's allocator.
    TORCH_CHECK_WITH(OutOfMemoryError, used + bytes <= limit, "CUDA out of memory. Tried to allocate ", bytes, " bytes. GPU 0 has a total capacity of ",
                     limit, " bytes.");
    void* place = std::aligned_alloc(64, (bytes / 64 + 1) * 64);
    // What was not written must not look like anything: here memory is filled with what is no number.
    std::memset(place, 0xff, bytes);
    std::lock_guard<std::mutex> guard(lock());
    in_use().increase(bytes);
    sizes()[place] = bytes;
    return {place, place, &release, device};
  }
  static void release(void* place) {
    {
      std::lock_guard<std::mutex> guard(lock());
      const auto found = sizes().find(place);
      in_use().decrease(found->second);
      sizes().erase(found);
    }
    std::free(place);
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }
  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override {
    std::lock_guard<std::mutex> guard(lock());
    c10::CachingDeviceAllocator::DeviceStats stats;
    stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)] = in_use();
    return stats;
  }
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override {
    std::lock_guard<std::mutex> guard(lock());
    in_use().reset_peak();
  }

 private:
  // Never destroyed, like the counts.
  static std::mutex& lock() {
    static auto* made = new std::mutex();
    return *made;
  }
  static c10::CachingAllocator::Stat& in_use() {
    static auto* made = new c10::CachingAllocator::Stat();
    return *made;
  }
  static std::map<void*, size_t>& sizes() {
    static auto* made = new std::map<void*, size_t>();
    return *made;
  }
};
static Memory memory_(kDevice);
REGISTER_ALLOCATOR(kType, &memory_);

// Pinned memory of the host, from and to which copies need not wait.
static std::mutex pins_lock_;
static std::set<const void*>& pins() {
  static auto* made = new std::set<const void*>();
  return *made;
}
static void unpin(void* place) {
  std::lock_guard<std::mutex> guard(pins_lock_);
  pins().erase(place);
  std::free(place);
}
struct Pinned final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void* place = std::aligned_alloc(64, (bytes / 64 + 1) * 64);
    std::lock_guard<std::mutex> guard(pins_lock_);
    pins().insert(place);
    return {place, place, &unpin, c10::Device(at::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &unpin; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }
};
static Pinned pinned_;

// One stream, in which everything is done at once.
struct Guard final : c10::impl::NoOpDeviceGuardImpl<kType> {
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream getDefaultStream(c10::Device) const override { return stream(); }
  c10::Stream getNewStream(c10::Device, int) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override { count(kWaits, "synchronizing"); }
  void synchronizeDevice(const c10::DeviceIndex) const override { count(kWaits, "synchronizing"); }
};
C10_REGISTER_GUARD_IMPL(CUDA, Guard);

struct CUDAHooks final : at::CUDAHooksInterface {
  explicit CUDAHooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasCUDA() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  int getNumGPUs() const override { return static_cast<int>(number("TEST_DEVICE_COUNT", 1)); }
  c10::DeviceIndex deviceCount() const override { return static_cast<c10::DeviceIndex>(getNumGPUs()); }
  std::string showConfig() const override { return ""; }
  long versionRuntimeCuDNN() const override { return 92001; }
  c10::DeviceIndex current_device() const override { return 0; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::Device getDeviceFromPtr(void*) const override { return kDevice; }
  c10::Allocator* getCUDADeviceAllocator() const override { return &memory_; }
  c10::Allocator* getPinnedMemoryAllocator() const override { return &pinned_; }
  bool isPinnedPtr(const void* place) const override {
    std::lock_guard<std::mutex> guard(pins_lock_);
    return pins().count(place) > 0;
  }
  void deviceSynchronize(c10::DeviceIndex) const override { count(kWaits, "synchronizing"); }
};
namespace at {
using ::CUDAHooks;
REGISTER_CUDA_HOOKS(CUDAHooks)
}

// What CUDA's libraries tell of the device. Its name has the number that the program knows it by on its machine.
extern "C" {
int cudaRuntimeGetVersion(int* version) {
  *version = 13020;
  return 0;
}
int cuInit(unsigned) { return 0; }
int cuDeviceGet(int* device, int number) {
  *device = number;
  return 0;
}
int cuDeviceGetName(char* name, int length, int device) {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string text = "test device " + (visible ? std::string(visible) : std::to_string(device));
  std::strncpy(name, text.c_str(), static_cast<size_t>(length));
  return 0;
}
}

static bool is_here(const Tensor& t) { return t.defined() && t.device().type() == kType; }

// A tensor's memory as the CPU sees it.
static Tensor on_host(const Tensor& t) {
  if (!is_here(t)) return t;
  return at::from_blob(t.data_ptr(), t.sizes(), t.strides(), at::TensorOptions().dtype(t.scalar_type()).device(at::kCPU));
}

// A tensor of the CPU as one of this device, which keeps its memory.
static Tensor adopted(const Tensor& cpu) {
  if (!cpu.defined()) return cpu;
  c10::DataPtr data(cpu.storage().mutable_data(), new Tensor(cpu), [](void* kept) { delete static_cast<Tensor*>(kept); }, kDevice);
  c10::Storage storage(c10::Storage::use_byte_size_t(), cpu.storage().nbytes(), std::move(data), &memory_, true);
  Tensor made = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(c10::DispatchKey::CUDA), cpu.dtype());
  made.unsafeGetTensorImpl()->set_storage_offset(cpu.storage_offset());
  made.unsafeGetTensorImpl()->set_sizes_and_strides(cpu.sizes(), cpu.strides());
  return made;
}

// Lets an output that an operation made to fit have what was made.
static void hand_over(const Tensor& output, const Tensor& cpu) {
  if (output.sizes() == cpu.sizes() && output.data_ptr() == cpu.data_ptr()) return;
  const Tensor own = adopted(cpu);
  auto* impl = output.unsafeGetTensorImpl();
  impl->set_storage_keep_dtype(own.storage());
  impl->set_storage_offset(own.storage_offset());
  impl->set_sizes_and_strides(own.sizes(), own.strides());
}

[[noreturn]] static void refuse_mixed(const std::string& name) {
  count(kMixed, "mixed devices in " + name);
  TORCH_CHECK(false, "test device: operands of ", name, " are on two devices");
}

// Operations whose result has a size that depends on values, or that return one value to the host.
static const std::set<std::string> kWaiting = {"aten::nonzero", "aten::masked_select", "aten::equal", "aten::_unique2", "aten::is_nonzero"};

// Operations of which libtorch_cuda warns at each call that they add in any order.
static const std::set<std::string> kInAnyOrder = {"aten::max_pool2d_with_indices_backward"};

// Computes any operation on the CPU.
static void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const std::string& name = schema.name();
  const size_t arguments = schema.arguments().size(), base = stack->size() - arguments;
  const std::vector<c10::IValue> given(stack->begin() + base, stack->end());
  bool here = false, elsewhere = false;
  std::set<const void*> places;
  auto taken = [&](const Tensor& t, bool written) -> Tensor {
    if (is_here(t)) {
      here = true;
      // What is made to fit must own memory that can grow.
      if (written && t.numel() == 0) return at::empty({0}, t.options().device(at::kCPU));
      places.insert(t.storage().data());
      return on_host(t);
    }
    // A single number of the host is handed to a kernel as such.
    elsewhere |= t.defined() && t.dim() > 0;
    return t;
  };
  for (size_t i = 0; i < arguments; ++i) {
    auto& value = (*stack)[base + i];
    const auto* alias = schema.arguments()[i].alias_info();
    const bool written = alias && alias->isWrite();
    if (value.isTensor()) {
      value = taken(value.toTensor(), written);
    } else if (value.isTensorList()) {
      c10::List<Tensor> list;
      for (const Tensor& t : value.toTensorVector()) list.push_back(taken(t, written));
      value = list;
    } else if (value.isOptionalTensorList()) {
      c10::List<std::optional<Tensor>> list;
      for (const auto& t : value.toOptionalTensorVector()) list.push_back(t ? std::optional<Tensor>(taken(*t, false)) : std::nullopt);
      value = list;
    } else if (value.isDevice() && value.toDevice().type() == kType) {
      value = c10::Device(at::kCPU);
      here = true;
    }
  }
  if (here && elsewhere) refuse_mixed(name);
  count(kOperations, name + (schema.overload_name().empty() ? "" : "." + schema.overload_name()));
  if (kWaiting.count(name)) count(kWaits, name + " waits");
  if (kInAnyOrder.count(name)) at::globalContext().alertNotDeterministic(name);
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  const size_t results = schema.returns().size(), first = stack->size() - results;
  auto own = [&](const Tensor& t) { return adopted(t.defined() && places.count(t.storage().data()) ? t.clone() : t); };
  for (size_t j = 0; j < results; ++j) {
    auto& value = (*stack)[first + j];
    const auto* alias = schema.returns()[j].alias_info();
    TORCH_CHECK(!alias || alias->isWrite(), "test device: ", name, " returns a view, which has to be written for it");
    if (!alias) {
      if (here && value.isTensor()) value = own(value.toTensor());
      if (here && value.isTensorList()) {
        c10::List<Tensor> list;
        for (const Tensor& t : value.toTensorVector()) list.push_back(own(t));
        value = list;
      }
      continue;
    }
    for (size_t i = 0; i < arguments; ++i) {
      const auto* other = schema.arguments()[i].alias_info();
      if (!other || !other->isWrite() || other->beforeSets() != alias->beforeSets()) continue;
      if (value.isTensor() && is_here(given[i].toTensor())) hand_over(given[i].toTensor(), value.toTensor());
      value = given[i];
      break;
    }
  }
}

static Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>, std::optional<at::Device>,
                    std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory_, c10::DispatchKeySet(c10::DispatchKey::CUDA), c10::dtype_or_default(dtype), format);
}
static Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                            std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory_, c10::DispatchKeySet(c10::DispatchKey::CUDA), c10::dtype_or_default(dtype));
}
static Tensor& copy(Tensor& to, const Tensor& from, bool non_blocking) {
  const auto& hooks = at::detail::getCUDAHooks();
  auto waits = [&](const Tensor& host) { return !non_blocking || !hooks.isPinnedPtr(host.storage().data()); };
  if (is_here(to) && is_here(from)) count(kOperations, "copy on the device");
  else if (is_here(from)) count(waits(to) ? kToHost : kOperations, waits(to) ? "copy to the host" : "copy to pinned memory");
  else count(waits(from) ? kToDevice : kOperations, waits(from) ? "copy to the device" : "copy from pinned memory");
  on_host(to).copy_(on_host(from));
  return to;
}
static at::Scalar read_number(const Tensor& t) {
  count(kWaits, "reading a number");
  return at::_local_scalar_dense(on_host(t));
}
static Tensor convolution(const Tensor& x, const Tensor& w, const std::optional<Tensor>& bias, at::IntArrayRef stride, at::IntArrayRef padding,
                          at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding, int64_t groups) {
  const bool has_bias = bias && bias->defined();
  if (!is_here(x) || !is_here(w) || (has_bias && !is_here(*bias))) refuse_mixed("convolution");
  count(kOperations, "convolution");
  const auto own = has_bias ? std::optional<Tensor>(on_host(*bias)) : std::nullopt;
  return adopted(at::convolution(on_host(x), on_host(w), own, stride, padding, dilation, transposed, output_padding, groups));
}
static std::tuple<Tensor, Tensor, Tensor> convolution_backward(const Tensor& by_y, const Tensor& x, const Tensor& w, at::OptionalIntArrayRef bias_sizes,
                                                               at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                                                               at::IntArrayRef output_padding, int64_t groups, std::array<bool, 3> mask) {
  if (!is_here(by_y) || !is_here(x) || !is_here(w)) refuse_mixed("convolution_backward");
  count(kOperations, "convolution_backward");
  auto [by_x, by_w, by_bias] = at::convolution_backward(on_host(by_y), on_host(x), on_host(w), bias_sizes, stride, padding, dilation, transposed,
                                                        output_padding, groups, mask);
  return {adopted(by_x), adopted(by_w), adopted(by_bias)};
}

TORCH_LIBRARY_IMPL(_, CUDA, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>()); }
TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("as_strided", at::native::as_strided_tensorimpl);
  m.impl("view", at::native::view);
  m.impl("_reshape_alias", at::native::_reshape_alias);
  m.impl("resize_", at::native::resize_);
  m.impl("copy_", copy);
  m.impl("_local_scalar_dense", read_number);
  m.impl("convolution", convolution);
  m.impl("convolution_backward", convolution_backward);
  // libtorch would compute these from others, where CUDA has kernels of their own.
  m.impl("native_group_norm", torch::CppFunction::makeFromBoxedFunction<&fallback>());
  m.impl("native_layer_norm", torch::CppFunction::makeFromBoxedFunction<&fallback>());
  // libtorch_cuda has one kernel for a whole list, where libtorch_cpu goes through it tensor by tensor.
  for (const char* name : {"_foreach_norm.Scalar", "_foreach_mul.Tensor", "_foreach_add.List", "_foreach_add_.List", "_foreach_add_.Scalar",
                           "_foreach_mul_.Scalar", "_foreach_addcmul.Scalar", "_foreach_addcmul_.Scalar", "_foreach_addcdiv_.Scalar",
                           "_foreach_lerp_.Scalar", "_foreach_clamp_min_.Scalar", "_foreach_sqrt"})
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&fallback>());
}
