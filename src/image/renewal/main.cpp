// SPDX-License-Identifier: MIT
// In the guest `tiny`: waits, asleep, until the guest was cloned, and gives it what must be its
// own. A shell would do the same, but an emulated clone has to translate every instruction anew:
// here there are few. Freestanding, since the guest has no library for it.
//
// renew PORT: a virtio-serial port, on which requests come. See image/guest.hpp for how a change
// gets into images that exist.
#include <cstdint>

#include "image/renewal/message.hpp"
#include "image/system_call.hpp"

namespace {

using namespace vmfleet::in_guest;
using vmfleet::renewal::Interface;
using vmfleet::renewal::kMagic;
using vmfleet::renewal::kMostInterfaces;
using vmfleet::renewal::Reply;
using vmfleet::renewal::Request;

// *Source*: Linux's uapi: fcntl.h, time.h, random.h, socket.h, sockios.h, if.h.
constexpr long kAppend = 02000;
constexpr long kRealTime = 0;
constexpr long kAddEntropy = 0x40085203, kReseed = 0x5207;
constexpr long kInternet = 2, kDatagram = 2;
constexpr std::uint16_t kEthernet = 1;
constexpr long kNameOf = 0x8910, kFlagsOf = 0x8913, kSetInterfaceFlags = 0x8914;
constexpr long kSetAddress = 0x8916, kSetBroadcast = 0x891a, kSetNetmask = 0x891c;
constexpr long kSetMac = 0x8924, kMacOf = 0x8927;
constexpr std::int16_t kUp = 1;

struct Entropy {  // rand_pool_info
  int bits;
  int bytes;
  char data[vmfleet::renewal::kEntropyBytes];
};

struct Time {  // timespec
  std::int64_t seconds;
  std::int64_t nanoseconds;
};

struct SocketAddress {  // sockaddr
  std::uint16_t family;
  std::uint8_t data[14];
};

struct InterfaceRequest {  // ifreq
  char name[16];
  union {
    std::int32_t index;
    std::int16_t flags;
    SocketAddress address;
    std::uint64_t all[3];
  };
};

/// Until the port can be read, or a host has come or gone.
void sleep_until_something_happens() {
  call(__NR_rt_sigtimedwait, address(&kPortSignal), 0, 0, kSignalSetBytes);
}

/// Reads on until all of it is there. False when there is no host: who asked has gone.
bool receive(long port, void* into, unsigned long size) {
  auto* bytes = static_cast<char*>(into);
  unsigned long have = 0;
  while (have < size) {
    const long count = call(__NR_read, port, address(bytes + have), long(size - have));
    if (count == 0) return false;
    if (count > 0) {
      have += static_cast<unsigned long>(count);
    } else {
      sleep_until_something_happens();
    }
  }
  return true;
}

bool draw_new_numbers(const Request& request) {
  const long generator = call(__NR_open, address("/dev/urandom"), kReadWrite);
  Entropy entropy;
  entropy.bytes = sizeof entropy.data;
  entropy.bits = entropy.bytes * 8;
  for (unsigned i = 0; i < sizeof entropy.data; ++i) entropy.data[i] = request.entropy[i];
  const bool taken = call(__NR_ioctl, generator, kAddEntropy, address(&entropy)) == 0 &&
                     call(__NR_ioctl, generator, kReseed) == 0;
  call(__NR_close, generator);
  return taken;
}

bool forget(const char* path) {
  constexpr long kNone = -2;  // ENOENT
  const long result = call(__NR_unlink, address(path));
  return result == 0 || result == kNone;
}

/// The server makes them anew for the first client.
bool forget_host_keys() {
  return forget("/etc/dropbear/dropbear_rsa_host_key") &&
         forget("/etc/dropbear/dropbear_ecdsa_host_key") &&
         forget("/etc/dropbear/dropbear_ed25519_host_key");
}

bool renew(const Request& request) {
  const Time now{request.seconds, request.nanoseconds};
  if (call(__NR_clock_settime, kRealTime, address(&now)) != 0) return false;
  if (!draw_new_numbers(request)) return false;
  long length = 0;
  while (length < long(sizeof request.hostname) && request.hostname[length] != '\0') ++length;
  if (length > 0 && call(__NR_sethostname, address(request.hostname), length) != 0) return false;
  return forget_host_keys();
}

bool has_mac(const InterfaceRequest& of, const std::uint8_t* mac) {
  for (int i = 0; i < 6; ++i) {
    if (of.address.data[i] != mac[i]) return false;
  }
  return true;
}

/// The name of the interface with this address; false when there is none.
bool find(long socket, const std::uint8_t* mac, InterfaceRequest& found) {
  constexpr int kMostIndexes = 256;
  for (int index = 1; index < kMostIndexes; ++index) {
    found.index = index;
    if (call(__NR_ioctl, socket, kNameOf, address(&found)) != 0) continue;
    if (call(__NR_ioctl, socket, kMacOf, address(&found)) != 0) continue;
    if (has_mac(found, mac)) return true;
  }
  return false;
}

bool turn(long socket, InterfaceRequest& which, bool up) {
  if (call(__NR_ioctl, socket, kFlagsOf, address(&which)) != 0) return false;
  which.flags = static_cast<std::int16_t>(up ? which.flags | kUp : which.flags & ~kUp);
  return call(__NR_ioctl, socket, kSetInterfaceFlags, address(&which)) == 0;
}

bool set_address(long socket, InterfaceRequest& which, long what, const std::uint8_t* bytes) {
  which.all[0] = which.all[1] = 0;
  which.address.family = kInternet;
  for (int i = 0; i < 4; ++i) which.address.data[2 + i] = bytes[i];  // behind a port
  return call(__NR_ioctl, socket, what, address(&which)) == 0;
}

/// Down meanwhile, which also takes the address that it made of its old one for IPv6.
bool renumber(long socket, InterfaceRequest& which, const Interface& as) {
  if (!turn(socket, which, false)) return false;
  which.address.family = kEthernet;
  for (int i = 0; i < 6; ++i) which.address.data[i] = as.new_mac[i];
  if (call(__NR_ioctl, socket, kSetMac, address(&which)) != 0) return false;
  const bool is_given = as.address[0] != 0;
  if (is_given && !(set_address(socket, which, kSetAddress, as.address) &&
                    set_address(socket, which, kSetNetmask, as.netmask) &&
                    set_address(socket, which, kSetBroadcast, as.broadcast))) {
    return false;
  }
  return turn(socket, which, true);
}

/// All are found before the first has another address, which may be another's old one.
long renumber_all(const Interface* interfaces, unsigned count) {
  const long socket = call(__NR_socket, kInternet, kDatagram);
  InterfaceRequest found[kMostInterfaces];
  bool is_there[kMostInterfaces];
  for (unsigned i = 0; i < count; ++i) is_there[i] = find(socket, interfaces[i].old_mac, found[i]);
  long done = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (is_there[i] && renumber(socket, found[i], interfaces[i])) ++done;
  }
  call(__NR_close, socket);
  return done;
}

/// What follows a request. False when who asked has gone.
bool receive_networks(long port, const Request& request, long& renumbered) {
  Interface interfaces[kMostInterfaces];
  if (request.interfaces > kMostInterfaces) return false;
  if (!receive(port, interfaces, request.interfaces * sizeof(Interface))) return false;
  renumbered = request.interfaces > 0 ? renumber_all(interfaces, request.interfaces) : 0;
  if (request.hosts_bytes == 0) return true;
  const long hosts = call(__NR_open, address("/etc/hosts"), kReadWrite | kAppend);
  char text[1024];
  unsigned long rest = request.hosts_bytes;
  while (rest > 0) {
    const unsigned long size = rest < sizeof text ? rest : sizeof text;
    if (!receive(port, text, size)) break;
    call(__NR_write, hosts, address(text), long(size));
    rest -= size;
  }
  call(__NR_close, hosts);
  return rest == 0;
}

/// A request can be here before the news that a host is, without which nothing can be written.
void answer(long port, const Request& request, long renumbered, bool renewed) {
  Reply reply;
  reply.seconds = request.seconds;
  reply.nanoseconds = request.nanoseconds;
  reply.renumbered = renumbered;
  reply.renewed = renewed ? 1 : 0;
  for (unsigned i = 0; i < sizeof reply.magic; ++i) reply.magic[i] = kMagic[i];
  while (call(__NR_write, port, address(&reply), sizeof reply) != long(sizeof reply)) {
    sleep_until_something_happens();
  }
}

bool is_ours(const Request& request) {
  for (unsigned i = 0; i < sizeof request.magic; ++i) {
    if (request.magic[i] != kMagic[i]) return false;
  }
  return true;
}

}  // namespace

extern "C" [[noreturn]] void serve(const long* stack) {
  const long port = open_port(stack[2]);  // argv[1]
  if (stack[0] != 2 || port < 0) call(__NR_exit, 1);
  for (;;) {
    Request request;
    if (!receive(port, &request, sizeof request)) {
      sleep_until_something_happens();
      continue;
    }
    long renumbered = 0;
    if (!is_ours(request) || !receive_networks(port, request, renumbered)) continue;
    answer(port, request, renumbered, renew(request));
  }
}
