// SPDX-License-Identifier: MIT
// Deciding the accelerator.
#include "machine/accelerator.hpp"

namespace vmfleet {

Task<Accelerator> decide_accelerator(QemuBinary) {
  co_return Accelerator::tcg;
}

}  // namespace vmfleet
