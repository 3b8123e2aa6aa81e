// SPDX-License-Identifier: MIT
// System calls for the programs that run in the guest `tiny`, where there is no library.
#pragma once

#include <asm/unistd.h>

#include <cstdint>

namespace vmfleet::in_guest {

// *Source*: Linux's uapi: fcntl.h, signal.h.
constexpr long kReadWrite = 2, kNonBlocking = 04000, kAsynchronous = 020000;
constexpr long kSetFlags = 4, kSetOwner = 8;
constexpr long kSigIo = 29, kBlock = 0, kSignalSetBytes = 8;

constexpr std::uint64_t kPortSignal = std::uint64_t{1} << (kSigIo - 1);

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  long result = number;
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e;
  register long sixth asm("r9") = f;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
               : "rcx", "r11", "memory");
  return result;
}

template <class T>
long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

/// A virtio-serial port, which is never waited for; a signal, which is kept while nobody waits for
/// it, tells when it can be read and when a host has come or gone. (To poll a port is to be woken
/// all the time while no host listens.)
inline long open_port(long path) {
  const long port = call(__NR_open, path, kReadWrite | kNonBlocking);
  if (port < 0) return port;
  call(__NR_rt_sigprocmask, kBlock, address(&kPortSignal), 0, kSignalSetBytes);
  call(__NR_fcntl, port, kSetOwner, call(__NR_getpid));
  call(__NR_fcntl, port, kSetFlags, kNonBlocking | kAsynchronous);
  return port;
}

}  // namespace vmfleet::in_guest

/// What a program does: gets the number of its arguments, and then them.
extern "C" [[noreturn]] void serve(const long* stack);

asm(".globl _start\n_start:\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call serve\n");
