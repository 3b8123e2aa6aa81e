// SPDX-License-Identifier: MIT
// Memory and descriptors, checked before the first spawn.
#include "fleet/host_limits.hpp"

#include <sys/resource.h>

#include <fstream>
#include <string>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

namespace {

// Measured: an idle QEMU has 15–20 MB of its own.
constexpr Bytes kQemuItself = Bytes::mebi(24);
// While it is launched a machine costs this process at most so many descriptors, and a little for
// the loop itself.
constexpr std::size_t kDescriptorsEach = 20;
constexpr std::size_t kDescriptorsOther = 64;

std::string in_gibi(Bytes size) {
  return fmt::format("{:.1f}G", static_cast<double>(size.count()) / (1 << 30));
}

}  // namespace

std::optional<Bytes> available_memory() {
  // *Source*: proc(5), MemAvailable.
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::uint64_t kibi = 0;
  std::string unit;
  while (file >> key >> kibi && std::getline(file, unit)) {
    if (key == "MemAvailable:") return Bytes(kibi * 1024);
  }
  return std::nullopt;
}

void require_descriptors(std::size_t machines) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t descriptors = machines * kDescriptorsEach + kDescriptorsOther;
  if (limit.rlim_cur >= descriptors) return;
  if (limit.rlim_max >= descriptors) {  // ours to raise
    limit.rlim_cur = descriptors;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
  }
  throw Error(ErrorKind::host_unfit,
              fmt::format("{} machines need {} file descriptors, {} are allowed", machines,
                          descriptors, limit.rlim_max))
      .hint("raise the limit with `ulimit -n`, or take fewer at a time");
}

void require_host_room(Bytes guest_memory, std::size_t machines) {
  if (machines == 0) return;
  const Bytes wanted(guest_memory.count() + machines * kQemuItself.count());
  const auto available = available_memory();
  if (available && wanted > *available) {
    throw Error(ErrorKind::host_unfit, fmt::format("{} machines need {} of memory, {} is available",
                                                   machines, in_gibi(wanted), in_gibi(*available)))
        .hint("start fewer (-n), or give each less (--memory)");
  }
  require_descriptors(machines);
}

}  // namespace vmfleet
