// SPDX-License-Identifier: MIT
// KernelRecord: recognises time-stamped printk records, also in the middle of a line.
#pragma once

namespace vmfleet::console {

/// `[    1.234567] text` and `[    1.234567][    T1] text`, up to the newline.
///
/// *Source*: Linux kernel/printk/printk.c: print_time() writes "[%5lu.%06lu]", print_caller()
/// "[%6s]", then a space. A kernel without CONFIG_PRINTK_TIME cannot be told from its programs.
class KernelRecord {
 public:
  enum class Step {
    outside,    ///< not part of a record
    may_begin,  ///< the first byte of what may be a stamp; it counts as text until `confirmed`
    undecided,  ///< in what may be a stamp
    confirmed,  ///< since `may_begin` it was a stamp: that was no text of the line
    inside      ///< in the record or its newline
  };

  Step put(char byte) noexcept;

 private:
  enum class At { outside, width, fraction, bracket, end, record };
  Step begin_or_leave(char byte) noexcept;

  At at_ = At::outside;
  int width_ = 0;
  int digits_ = 0;
};

}  // namespace vmfleet::console
