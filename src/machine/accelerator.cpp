// SPDX-License-Identifier: MIT
// Deciding the accelerator by booting under it.
#include <vmfleet/machine/accelerator.hpp>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/process.hpp>

#include "machine/kvm_guest.hpp"

namespace vmfleet {

namespace {

// Emulated, QEMU's start, the firmware and the test guest take 70 ms on a host at rest. A healthy
// KVM is about as quick; where it needs so many times as long, a real kernel is better off
// emulated: a KVM under which Linux did not come to its first line in 2 minutes needed 20 times as
// long.
constexpr int kSlownessLimit = 5;
constexpr Milliseconds kKvmSetup(400);
constexpr Milliseconds kEmulatedLimit(1'500);
constexpr std::chrono::seconds kDoubtLasts = std::chrono::minutes(10);
constexpr std::string_view kProbeSchema = "vmfleet.kvm-probe/2";

std::filesystem::path cache_file() {
  return default_cache_root() / "kvm-probe.json";
}

/// What an answer is of, and how long it counts.
enum class Trust {
  none,      ///< nothing was found out of KVM
  for_now,   ///< no guest ran to its end, for reasons that may pass: a busy host, no memory
  this_boot  ///< a guest has run
};

struct Verdict {
  Verdict() = default;
  KvmState state;
  Trust trust = Trust::none;
};

std::int64_t epoch_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// The binary by path, size and time of change: a QEMU that was replaced is asked anew.
std::string identity_of(const std::filesystem::path& binary) {
  struct stat info {};
  if (::stat(binary.c_str(), &info) != 0) return {};
  return fmt::format("{}:{}:{}.{:09}", binary.string(), info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

std::optional<KvmState> remembered(const QemuBinary& binary) {
  try {
    const auto record = json::parse(files::read(cache_file()));
    if (!record || record->text("schema") != kProbeSchema ||
        record->text("boot_id") != host_boot_id() ||
        record->text("qemu") != identity_of(binary.path)) {
      return std::nullopt;
    }
    const auto until = (*record)["until"].as_int();
    if (until && *until < epoch_seconds()) return std::nullopt;
    KvmState state;
    state.usable = record->flag("usable", false);
    state.reason = record->text("reason");
    return state;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void remember(const QemuBinary& binary, const Verdict& verdict) {
  if (verdict.trust == Trust::none) return;
  try {
    json::Object record{{"schema", kProbeSchema},
                        {"boot_id", host_boot_id()},
                        {"qemu", identity_of(binary.path)},
                        {"usable", verdict.state.usable},
                        {"reason", verdict.state.reason}};
    if (verdict.trust == Trust::for_now) {
      record.set("until", epoch_seconds() + std::int64_t{kDoubtLasts.count()});
    }
    std::filesystem::create_directories(cache_file().parent_path());
    files::write_atomically(cache_file(), json::write(record));
  } catch (const std::exception&) {
    // Without a cache the next command asks again.
  }
}

/// The test guest in a file, for as long as this lives.
class KernelFile {
 public:
  KernelFile() : path_((std::filesystem::temp_directory_path() / "vmfleet-kvm-XXXXXX").string()) {
    const UniqueFd file(::mkostemp(path_.data(), O_CLOEXEC));
    if (!file) throw errno_error("make " + path_, errno);
    try {
      files::write_all(file.get(), kvm_guest(), path_);
    } catch (...) {
      ::unlink(path_.c_str());
      throw;
    }
  }
  KernelFile(const KernelFile&) = delete;
  KernelFile& operator=(const KernelFile&) = delete;
  ~KernelFile() { ::unlink(path_.c_str()); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// Why it cannot even be opened; "" when it can.
std::string device_problem() {
  const UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (device) return {};
  if (errno == ENOENT) return "there is no /dev/kvm";
  return fmt::format("/dev/kvm cannot be opened: {}", std::strerror(errno));
}

ProcessOptions test_guest(const QemuBinary& binary, const KernelFile& kernel, const char* machine) {
  std::vector<std::string> argv{binary.path.string(),
                                "-nodefaults",
                                "-no-user-config",
                                "-display",
                                "none",
                                "-machine",
                                machine,
                                "-m",
                                "32",
                                "-kernel",
                                kernel.path(),
                                "-chardev",
                                "null,id=s",
                                "-serial",
                                "chardev:s",
                                "-device",
                                "isa-debug-exit,iobase=0xf4,iosize=4"};
  return ProcessOptions(std::move(argv));
}

/// What this host needs for the same as KVM is to do, as busy as it is now.
Task<Milliseconds> time_emulated(ProcessOptions options) {
  Loop& loop = co_await current_loop();
  const TimePoint began = loop.now();
  try {
    co_await with_timeout(kEmulatedLimit, run_process(std::move(options)));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  co_return std::chrono::duration_cast<Milliseconds>(loop.now() - began);
}

Task<Verdict> boot_under_kvm(QemuBinary binary) {
  const KernelFile kernel;
  const Milliseconds emulated = co_await time_emulated(test_guest(binary, kernel, "pc,accel=tcg"));
  const Milliseconds limit = kKvmSetup + kSlownessLimit * emulated;
  ProcessOptions options = test_guest(binary, kernel, "pc,accel=kvm");
  Verdict verdict;
  try {
    const ProcessOutput output = co_await with_timeout(limit, run_process(std::move(options)));
    verdict.state.usable = output.status.code == kKvmGuestExit;
    verdict.trust = verdict.state.usable ? Trust::this_boot : Trust::for_now;
    if (!verdict.state.usable) {
      verdict.state.reason = fmt::format("a test guest under KVM ended with {}: {}",
                                         output.status.describe(), sanitize(trim(output.err)));
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
    verdict.trust = Trust::for_now;
    verdict.state.reason =
        fmt::format("a test guest under KVM had not finished after {}, and took {} emulated",
                    to_string(limit), to_string(emulated));
  }
  co_return verdict;
}

/// Where there is no test guest: a KVM that makes a machine is trusted to run it.
/// *Source*: linux/kvm.h; the Linux kernel's documentation, virt/kvm/api, 4.2.
KvmState trust_kvm() {
  KvmState state;
  state.reason = device_problem();
  if (!state.reason.empty()) return state;
  const UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  const UniqueFd machine(::ioctl(device.get(), KVM_CREATE_VM, 0));
  state.usable = static_cast<bool>(machine);
  if (!state.usable) {
    state.reason = fmt::format("/dev/kvm makes no machine: {}", std::strerror(errno));
  }
  return state;
}

}  // namespace

Task<KvmState> probe_kvm(QemuBinary binary) {
  if (host_arch() != to_string(Arch::x86_64)) co_return trust_kvm();
  KvmState state;
  state.reason = device_problem();
  if (!state.reason.empty()) co_return state;
  if (const auto known = remembered(binary)) co_return *known;
  try {
    const Verdict verdict = co_await boot_under_kvm(binary);
    remember(binary, verdict);
    state = verdict.state;
  } catch (const Error& error) {
    state.reason = fmt::format("KVM could not be tried: {}", error.message());
  }
  co_return state;
}

Task<Accelerator> decide_accelerator(Accelerator wanted, Arch arch, QemuBinary binary) {
  if (wanted == Accelerator::tcg) co_return wanted;
  KvmState state;
  if (to_string(arch) == host_arch()) {
    state = co_await probe_kvm(std::move(binary));
  } else {
    state.reason =
        fmt::format("KVM runs only guests of the host's own architecture, {}", host_arch());
  }
  if (state.usable) co_return Accelerator::kvm;
  if (wanted == Accelerator::automatic) co_return Accelerator::tcg;
  throw Error(ErrorKind::host_unfit, "KVM was asked for and is not usable on this host")
      .evidence(state.reason)
      .hint("use --accel tcg, or leave the choice to vmfleet");
}

}  // namespace vmfleet
