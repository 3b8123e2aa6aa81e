// SPDX-License-Identifier: MIT
// A tap is tried as QEMU takes it: attached to, and let go again.
#include "machine/taps.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include <io/needed_program.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/files.hpp>

#include "machine/process_names.hpp"

namespace vmfleet {

namespace {

constexpr const char* kTunDevice = "/dev/net/tun";
constexpr Milliseconds kScriptLimit(30'000);

ifreq request_for(const std::string& interface) {
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  return request;
}

std::string how_to_make(const std::string& interface) {
  return fmt::format("ip tuntap add dev {0} mode tap user $USER && ip link set {0} up", interface);
}

UniqueFd open_tun_device() {
  UniqueFd fd(::open(kTunDevice, O_RDWR | O_CLOEXEC));
  if (fd) return fd;
  const int error = errno;
  const bool forbidden = error == EACCES || error == EPERM;
  throw errno_error(ErrorKind::host_unfit,
                    forbidden ? fmt::format("this user may not use {}", kTunDevice)
                              : fmt::format("this host has no usable {}", kTunDevice),
                    error)
      .hint(forbidden ? "give this user access to it, or use a \"user\" or \"lan\" network"
                      : "load the driver (modprobe tun), or give the container that device; or use "
                        "a \"user\" or \"lan\" network");
}

void require_up(const std::string& interface) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = request_for(interface);
  if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0 && errno == ENODEV) {
    throw Error(ErrorKind::host_unfit, fmt::format("there is no interface {}", interface))
        .hint("make it, as root: " + how_to_make(interface));
  }
  if ((request.ifr_flags & IFF_UP) != 0) return;
  throw Error(ErrorKind::host_unfit, fmt::format("the interface {} is down", interface))
      .hint(fmt::format("ip link set {} up, or name an up_script that does", interface));
}

/// *Source*: Linux, drivers/net/tun.c, tun_chr_show_fdinfo().
std::string find_tap_user(const std::string& interface) {
  const auto users = name_holders([&](const OpenDescriptor& descriptor) {
    if (target_of(descriptor) != kTunDevice) return false;
    try {
      const std::string info =
          files::read(fmt::format("/proc/{}/fdinfo/{}", descriptor.pid, descriptor.name));
      return info.find(fmt::format("iff:\t{}\n", interface)) != std::string::npos;
    } catch (const Error&) {
      return false;
    }
  });
  return users.empty() ? "a process of another user" : join(users, ", ");
}

Error refused_tap(const std::string& interface, int error) {
  switch (error) {
    case EBUSY:
      return Error(ErrorKind::conflict, fmt::format("the interface {} is in use by {}", interface,
                                                    find_tap_user(interface)))
          .hint("give each machine a tap of its own");
    case EPERM:
    case EACCES:
      return Error(ErrorKind::host_unfit,
                   fmt::format("this user may not use the interface {}", interface))
          .hint("make it for this user, as root: ip tuntap del dev " + interface + " mode tap; " +
                how_to_make(interface));
    case EINVAL:
      return Error(ErrorKind::host_unfit,
                   fmt::format("the interface {} is no tap (of a single queue)", interface))
          .hint("name a tap; one is made with: " + how_to_make("tap0"));
    default:
      return errno_error(ErrorKind::host_unfit, fmt::format("use the interface {}", interface),
                         error)
          .hint("make it anew, as root: " + how_to_make(interface));
  }
}

void attach_once(const UniqueFd& device, const std::string& interface) {
  ifreq request = request_for(interface);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(device.get(), TUNSETIFF, &request) != 0) throw refused_tap(interface, errno);
}

}  // namespace

Task<void> run_up_script(Net net) {
  std::vector<std::string> words{net.up_script, net.interface};
  ProcessOptions options(std::move(words));
  options.new_session = true;
  const std::string what = fmt::format("the up_script {} of {}", net.up_script, net.interface);
  NeededProgram script(std::move(options), what,
                       Error(ErrorKind::invalid_config, what + " cannot be run")
                           .hint("it must be executable, and begin with #! when it is a script"));
  script.failed_hint = fmt::format("what it printed is the evidence; run it by hand: {} {}",
                                   net.up_script, net.interface);
  script.limit = kScriptLimit;
  script.late_hint = "it was ended; what it starts in the background must not keep its output open";
  co_await run_needed(std::move(script));
}

void require_usable_tap(const std::string& interface) {
  const UniqueFd device = open_tun_device();
  require_up(interface);
  attach_once(device, interface);
}

}  // namespace vmfleet
