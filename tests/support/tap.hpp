// SPDX-License-Identifier: MIT
// Tap: a tap interface for one test, where this user may make one.
#pragma once

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::test {

/// Its name is this process's and object's own. Nobody holds it; it is gone with the object.
class Tap {
 public:
  explicit Tap(bool up = true) {
    static int count = 0;
    name_ = "vmft" + std::to_string(::getpid()) + "-" + std::to_string(count++);
    made_ = persist(1);
    if (made_ && up && !set_up()) made_ = !persist(0);
  }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;
  ~Tap() {
    if (made_) persist(0);
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool made() const noexcept { return made_; }

  [[nodiscard]] bool set_up() const {
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = this->request();
    if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return false;
    request.ifr_flags |= IFF_UP;
    return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
  }

  /// Uses it, as another process would.
  [[nodiscard]] UniqueFd attach() const {
    UniqueFd device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request = this->request();
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (!device || ::ioctl(device.get(), TUNSETIFF, &request) != 0) return UniqueFd();
    return device;
  }

 private:
  [[nodiscard]] ifreq request() const {
    ifreq request{};
    name_.copy(request.ifr_name, IFNAMSIZ - 1);
    return request;
  }
  bool persist(int on) const {
    const UniqueFd device = attach();
    return device && ::ioctl(device.get(), TUNSETPERSIST, on) == 0;
  }

  std::string name_;
  bool made_ = false;
};

}  // namespace vmfleet::test
