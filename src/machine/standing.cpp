// SPDX-License-Identifier: MIT
// Asks the kernel and the directory only: QEMU may be what does not answer.
#include "machine/standing.hpp"

#include <filesystem>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

#include "machine/exit_report.hpp"
#include "machine/live.hpp"

namespace vmfleet {

namespace {

std::string qemu_line(const Machine::Live& live) {
  const pid_t pid = live.pidfd().pid();
  if (live.pidfd().ended()) return fmt::format("QEMU (pid {}) has ended", pid);
  if (const auto stopped = stopped_by_signal(pid)) return *stopped;
  return fmt::format("QEMU (pid {}) runs, and the guest {}", pid,
                     is_paused(live.directory, live.intent) ? "is paused" : "is not paused");
}

std::string network_line(const Machine::Live& live) {
  std::vector<std::string> modes = network_modes(live.intent.argv);
  for (const auto& port : live.state.forwards.ports) {
    modes.push_back(fmt::format("{} {}:{} -> {}/{}", port.name, port.host_addr, port.host_port,
                                port.guest_port, port.protocol));
  }
  return "network: " + (modes.empty() ? "none" : join(modes, ", "));
}

std::string console_line(const Machine::Live& live) {
  const auto log = live.directory.file(instance_file::kSerial);
  std::error_code unreadable;
  const auto size = std::filesystem::file_size(log, unreadable);
  if (unreadable) return fmt::format("serial console: {} is gone", log.string());
  return size == 0 ? fmt::format("serial console: empty ({})", log.string())
                   : fmt::format("serial console: {} bytes in {}", size, log.string());
}

}  // namespace

std::optional<std::string> stopped_by_signal(pid_t pid) {
  try {
    // *Source*: proc(5), /proc/PID/stat; the name before the state may hold anything but its end.
    const std::string stat = files::read(fmt::format("/proc/{}/stat", pid));
    const auto end = stat.rfind(") ");
    if (end == std::string::npos || stat.substr(end + 2, 1) != "T") return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
  return fmt::format("QEMU (pid {}) is stopped by a signal; SIGCONT lets it go on", pid);
}

std::vector<std::string> network_modes(const std::vector<std::string>& argv) {
  std::vector<std::string> modes;
  for (std::size_t i = 0; i + 1 < argv.size(); ++i) {
    if (argv[i] != "-netdev") continue;
    const Result<json::Value> net = json::parse(argv[i + 1]);
    if (!net) continue;
    const std::string_view type = net->text("type");
    modes.emplace_back(type == "tap"                 ? fmt::format("tap {}", net->text("ifname"))
                       : !net->text("mcast").empty() ? "lan"
                                                     : std::string(type));
  }
  return modes;
}

std::vector<std::string> describe_standing(const Machine::Live& live) {
  const std::string& accel = live.intent.accel;
  return {qemu_line(live),
          accel == "tcg" ? "accelerator: tcg, software emulation, many times slower than KVM"
                         : "accelerator: " + accel,
          network_line(live), console_line(live)};
}

}  // namespace vmfleet
