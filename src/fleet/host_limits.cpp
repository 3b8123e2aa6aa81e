// SPDX-License-Identifier: MIT
// Memory and descriptors, checked before the first spawn.
#include "fleet/host_limits.hpp"

#include <sys/resource.h>

#include <charconv>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

namespace {

// Measured: an idle QEMU has 15–20 MB of its own.
constexpr Bytes kQemuItself = Bytes::mebi(24);
// While it is launched a machine costs this process at most so many descriptors, and a little for
// the loop itself.
constexpr std::size_t kDescriptorsEach = 20;
constexpr std::size_t kDescriptorsOther = 64;

/// *Source*: proc(5), MemAvailable.
Bytes available_memory() {
  const std::string text = files::read("/proc/meminfo");
  for (const auto line : split(text, '\n')) {
    constexpr std::string_view kKey = "MemAvailable:";
    if (line.substr(0, kKey.size()) != kKey) continue;
    const auto number = trim(line.substr(kKey.size()));
    std::uint64_t kibi = 0;
    std::from_chars(number.data(), number.data() + number.size(), kibi);
    return Bytes(kibi * 1024);
  }
  return Bytes(UINT64_MAX);  // unknown: no reason to refuse
}

std::string in_gibi(Bytes size) {
  return fmt::format("{:.1f}G", static_cast<double>(size.count()) / (1 << 30));
}

}  // namespace

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
  const Bytes available = available_memory();
  if (wanted > available) {
    throw Error(ErrorKind::host_unfit, fmt::format("{} machines need {} of memory, {} is available",
                                                   machines, in_gibi(wanted), in_gibi(available)))
        .hint("start fewer (-n), or give each less (--memory)");
  }
  require_descriptors(machines);
}

}  // namespace vmfleet
