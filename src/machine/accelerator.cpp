// SPDX-License-Identifier: MIT
// Deciding the accelerator by booting under it.
#include <vmfleet/machine/accelerator.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
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

// QEMU starts in 0.15 s here and the guest's 2000 port writes take 20 ms on a healthy host; where
// they take longer than this, a real kernel is better off emulated.
constexpr Milliseconds kProbeLimit(1'500);
constexpr std::string_view kProbeSchema = "vmfleet.kvm-probe/1";

std::filesystem::path cache_file() {
  return default_cache_root() / "kvm-probe.json";
}

std::optional<KvmState> remembered(const QemuBinary& binary) {
  try {
    const auto record = json::parse(files::read(cache_file()));
    if (!record || record->text("schema") != kProbeSchema ||
        record->text("boot_id") != host_boot_id() || record->text("qemu") != binary.path.string()) {
      return std::nullopt;
    }
    KvmState state;
    state.usable = record->flag("usable", false);
    state.reason = record->text("reason");
    return state;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void remember(const QemuBinary& binary, const KvmState& state) {
  try {
    std::filesystem::create_directories(cache_file().parent_path());
    files::write_atomically(cache_file(), json::write(json::Object{{"schema", kProbeSchema},
                                                                   {"boot_id", host_boot_id()},
                                                                   {"qemu", binary.path.string()},
                                                                   {"usable", state.usable},
                                                                   {"reason", state.reason}}));
  } catch (const std::exception&) {
    // Without a cache the next command asks again.
  }
}

/// Why it cannot even be opened; "" when it can.
std::string device_problem() {
  const UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (device) return {};
  if (errno == ENOENT) return "there is no /dev/kvm";
  return fmt::format("/dev/kvm cannot be opened: {}", std::strerror(errno));
}

Task<KvmState> boot_under_kvm(QemuBinary binary, std::filesystem::path kernel) {
  std::vector<std::string> argv{binary.path.string(),
                                "-nodefaults",
                                "-no-user-config",
                                "-display",
                                "none",
                                "-machine",
                                "pc,accel=kvm",
                                "-m",
                                "32",
                                "-kernel",
                                kernel.string(),
                                "-chardev",
                                "null,id=s",
                                "-serial",
                                "chardev:s",
                                "-device",
                                "isa-debug-exit,iobase=0xf4,iosize=4"};
  ProcessOptions options(std::move(argv));
  KvmState state;
  try {
    const ProcessOutput output =
        co_await with_timeout(kProbeLimit, run_process(std::move(options)));
    state.usable = output.status.code == kKvmGuestExit;
    if (!state.usable) {
      state.reason = fmt::format("a test guest under KVM ended with {}: {}",
                                 output.status.describe(), sanitize(trim(output.err)));
    }
  } catch (const Error& error) {
    state.reason = error.kind() == ErrorKind::timed_out
                       ? fmt::format("a test guest under KVM had not finished after {}",
                                     to_string(kProbeLimit))
                       : error.what();
  }
  co_return state;
}

}  // namespace

Task<KvmState> probe_kvm(QemuBinary binary) {
  KvmState state;
  state.reason = device_problem();
  if (!state.reason.empty()) co_return state;
  if (const auto known = remembered(binary)) co_return *known;
  std::string kernel = (std::filesystem::temp_directory_path() / "vmfleet-kvm-XXXXXX").string();
  const UniqueFd file(::mkostemp(kernel.data(), O_CLOEXEC));
  try {
    if (!file) throw errno_error("make " + kernel, errno);
    files::write_all(file.get(), kvm_guest(), kernel);
    state = co_await boot_under_kvm(binary, kernel);
  } catch (const Error& error) {
    state.reason = error.what();
  }
  if (file) ::unlink(kernel.c_str());
  remember(binary, state);
  co_return state;
}

Task<Accelerator> decide_accelerator(Accelerator wanted, Arch arch, QemuBinary binary) {
  if (wanted == Accelerator::tcg) co_return wanted;
  KvmState state;
  if (to_string(arch) == host_arch() && arch == Arch::x86_64) {
    state = co_await probe_kvm(std::move(binary));
  } else {
    state.reason = "KVM runs only guests of the host's own architecture";
  }
  if (state.usable) co_return Accelerator::kvm;
  if (wanted == Accelerator::automatic) co_return Accelerator::tcg;
  throw Error(ErrorKind::host_unfit, "KVM was asked for and is not usable on this host")
      .evidence(state.reason)
      .hint("use --accel tcg, or leave the choice to vmfleet");
}

}  // namespace vmfleet
