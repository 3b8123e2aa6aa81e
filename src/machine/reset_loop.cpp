// SPDX-License-Identifier: MIT
// Counting boots by what the guest printed in them, and by time where it prints nothing.
#include "machine/reset_loop.hpp"

#include <vmfleet/base/units.hpp>

namespace vmfleet {

namespace {

// A guest may reboot on purpose; one that goes on without becoming ready is in a loop.
constexpr std::size_t kBoots = 5;
// After a warm reset SeaBIOS asks for a cold one and runs on until QEMU acts on it. On a host that
// is late its next boot is reset by what the last one asked for, and that may happen dozens of
// times, some hundredths of a second from one to the next. *Source*: SeaBIOS, src/resume.c
// (tryReboot), src/fw/shadow.c (qemu_reboot).
constexpr Milliseconds kOneReset(2'000);
// It comes to an end by chance, which a guest that faults before it prints does not.
constexpr Milliseconds kWithoutAWord(10'000);

}  // namespace

void ResetLoop::pressed(Time when, std::uint64_t printed) {
  resets_ = 0;
  boots_ = 0;
  begin(when, printed);
}

bool ResetLoop::by_guest(Time when, std::uint64_t printed) {
  ++resets_;
  if (goes_on(when, printed)) {
    last_ = when;
  } else {
    ++boots_;
    begin(when, printed);
  }
  return boots_ >= kBoots || when - *began_ >= kWithoutAWord;
}

bool ResetLoop::goes_on(Time when, std::uint64_t printed) const {
  return began_ && printed == printed_ && when >= last_ && when - last_ < kOneReset;
}

void ResetLoop::begin(Time when, std::uint64_t printed) {
  began_ = when;
  last_ = when;
  printed_ = printed;
}

}  // namespace vmfleet
