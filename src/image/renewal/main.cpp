// SPDX-License-Identifier: MIT
// In the guest `tiny`: waits, asleep, until the guest was cloned, and gives it what must be its
// own. A shell would do the same, but an emulated clone has to translate every instruction anew:
// here there are few. Freestanding, since the guest has no library for it.
//
// renew PORT: a virtio-serial port, on which requests come. See image/guest.hpp for how a change
// gets into images that exist.
#include <asm/unistd.h>

#include <cstdint>

#include "image/renewal/message.hpp"

namespace {

using vmfleet::renewal::kMagic;
using vmfleet::renewal::Reply;
using vmfleet::renewal::Request;

// *Source*: Linux's uapi: fcntl.h, signal.h, time.h, random.h.
constexpr long kReadWrite = 2, kNonBlocking = 04000, kAsynchronous = 020000;
constexpr long kSetFlags = 4, kSetOwner = 8;
constexpr long kSigIo = 29, kBlock = 0, kSignalSetBytes = 8;
constexpr long kRealTime = 0;
constexpr long kAddEntropy = 0x40085203, kReseed = 0x5207;

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  long result = number;
  register long fourth asm("r10") = d;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(fourth)
               : "rcx", "r11", "memory");
  return result;
}

template <class T>
long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

struct Entropy {  // rand_pool_info
  int bits;
  int bytes;
  char data[vmfleet::renewal::kEntropyBytes];
};

struct Time {  // timespec
  std::int64_t seconds;
  std::int64_t nanoseconds;
};

constexpr std::uint64_t kPortSignal = std::uint64_t{1} << (kSigIo - 1);

/// Until the port can be read, or a host has come or gone: it has a signal for that, which is kept
/// while nobody waits. (To poll it would be to be woken all the time while no host listens.)
void sleep_until_something_happens() {
  call(__NR_rt_sigtimedwait, address(&kPortSignal), 0, 0, kSignalSetBytes);
}

/// Reads on until the request is whole.
void await(long port, Request& request) {
  auto* bytes = reinterpret_cast<char*>(&request);
  unsigned long have = 0;
  while (have < sizeof request) {
    const long count = call(__NR_read, port, address(bytes + have), long(sizeof request - have));
    if (count > 0) {
      have += static_cast<unsigned long>(count);
      continue;
    }
    if (count == 0) have = 0;  // no host: who asked has gone
    sleep_until_something_happens();
  }
}

void draw_new_numbers(const Request& request) {
  const long generator = call(__NR_open, address("/dev/urandom"), kReadWrite);
  Entropy entropy;
  entropy.bytes = sizeof entropy.data;
  entropy.bits = entropy.bytes * 8;
  for (unsigned i = 0; i < sizeof entropy.data; ++i) entropy.data[i] = request.entropy[i];
  call(__NR_ioctl, generator, kAddEntropy, address(&entropy));
  call(__NR_ioctl, generator, kReseed);
  call(__NR_close, generator);
}

/// The server makes them anew for the first client.
void forget_host_keys() {
  call(__NR_unlink, address("/etc/dropbear/dropbear_rsa_host_key"));
  call(__NR_unlink, address("/etc/dropbear/dropbear_ecdsa_host_key"));
  call(__NR_unlink, address("/etc/dropbear/dropbear_ed25519_host_key"));
}

void renew(const Request& request) {
  const Time now{request.seconds, request.nanoseconds};
  call(__NR_clock_settime, kRealTime, address(&now));
  draw_new_numbers(request);
  long length = 0;
  while (length < long(sizeof request.hostname) && request.hostname[length] != '\0') ++length;
  if (length > 0) call(__NR_sethostname, address(request.hostname), length);
  forget_host_keys();
}

/// A request can be here before the news that a host is, without which nothing can be written.
void answer(long port, const Request& request) {
  Reply reply;
  reply.seconds = request.seconds;
  reply.nanoseconds = request.nanoseconds;
  for (unsigned i = 0; i < sizeof reply.magic; ++i) reply.magic[i] = kMagic[i];
  call(__NR_getrandom, address(reply.random), sizeof reply.random);
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
  const long port = call(__NR_open, stack[2], kReadWrite | kNonBlocking);  // argv[1]
  if (stack[0] != 2 || port < 0) call(__NR_exit, 1);
  call(__NR_rt_sigprocmask, kBlock, address(&kPortSignal), 0, kSignalSetBytes);
  call(__NR_fcntl, port, kSetOwner, call(__NR_getpid));
  call(__NR_fcntl, port, kSetFlags, kNonBlocking | kAsynchronous);
  for (;;) {
    Request request;
    await(port, request);
    if (!is_ours(request)) continue;
    renew(request);
    answer(port, request);
  }
}

asm(".globl _start\n_start:\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call serve\n");
