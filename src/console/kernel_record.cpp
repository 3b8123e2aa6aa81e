// SPDX-License-Identifier: MIT
// KernelRecord: the printk stamp, byte by byte.
#include "console/kernel_record.hpp"

namespace vmfleet::console {
namespace {

constexpr int kLeastWidth = 5;      // of the seconds, padded with spaces
constexpr int kFractionDigits = 6;  // microseconds

bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

}  // namespace

KernelRecord::Step KernelRecord::begin_or_leave(char byte) noexcept {
  width_ = digits_ = 0;
  at_ = byte == '[' ? At::width : At::outside;
  return byte == '[' ? Step::may_begin : Step::outside;
}

KernelRecord::Step KernelRecord::put(char byte) noexcept {
  switch (at_) {
    case At::record:
      if (byte == '\n') at_ = At::outside;
      return Step::inside;
    case At::width:
      if (is_digit(byte) || (byte == ' ' && digits_ == 0)) {
        ++width_;
        if (byte != ' ') ++digits_;
        return Step::undecided;
      }
      if (byte != '.' || digits_ == 0 || width_ < kLeastWidth) break;
      at_ = At::fraction;
      digits_ = 0;
      return Step::undecided;
    case At::fraction:
      if (!is_digit(byte)) break;
      if (++digits_ == kFractionDigits) at_ = At::bracket;
      return Step::undecided;
    case At::bracket:
      if (byte != ']') break;
      at_ = At::end;
      return Step::undecided;
    case At::end:
      if (byte != ' ' && byte != '[') break;
      at_ = At::record;
      return Step::confirmed;
    case At::outside:
      break;
  }
  return begin_or_leave(byte);
}

}  // namespace vmfleet::console
