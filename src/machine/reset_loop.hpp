// SPDX-License-Identifier: MIT
// ResetLoop: a guest that resets itself for ever, told from one that was reset. Private to this
// room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <vmfleet/qmp/message.hpp>

namespace vmfleet {

/// Follows the resets of one guest. Of several without any output between them it cannot be said
/// how far the guest had come: they are one, unless they go on and on.
class ResetLoop {
 public:
  using Time = qmp::Event::Time;

  /// Somebody has pressed the button: what the guest did until now does not count any more.
  /// `printed`: the size of its console's log.
  void pressed(Time when, std::uint64_t printed);
  /// The guest has reset itself. Gives whether it is in a loop.
  bool by_guest(Time when, std::uint64_t printed);
  /// How often it has reset itself, as QEMU counts.
  [[nodiscard]] std::size_t resets() const noexcept { return resets_; }

 private:
  [[nodiscard]] bool goes_on(Time when, std::uint64_t printed) const;
  void begin(Time when, std::uint64_t printed);

  std::size_t resets_ = 0;
  std::size_t boots_ = 0;      ///< that the guest has ended itself
  std::optional<Time> began_;  ///< the reset that may still be under way
  Time last_{};
  std::uint64_t printed_ = 0;
};

}  // namespace vmfleet
