// SPDX-License-Identifier: MIT
// ScanCredit: rations the tries of expressions on long open lines, so that cost stays linear.
#pragma once

#include <algorithm>
#include <cstddef>

namespace vmfleet::console {

class ScanCredit {
 public:
  void earn(std::size_t bytes_fed) noexcept {
    credit_ = std::min(credit_ + std::min(bytes_fed, kMost) * kPerByte, kMost);
  }
  /// Short lines are free: trying them costs no more than the wake-up that brought the bytes.
  bool spend(std::size_t bytes_tried) noexcept {
    if (bytes_tried <= kFree) return true;
    if (bytes_tried > credit_) return false;
    credit_ -= bytes_tried;
    return true;
  }

 private:
  static constexpr std::size_t kFree = 512;
  static constexpr std::size_t kPerByte = 48;    // RE2 looks at a byte in about a nanosecond
  static constexpr std::size_t kMost = 1 << 20;  // some tries of the longest line in a row
  std::size_t credit_ = 0;
};

}  // namespace vmfleet::console
