// SPDX-License-Identifier: MIT
// The shared scenarios run on a real QEMU here.
#include "tests/support/qemu_session.hpp"

std::filesystem::path vmfleet::test::qemu_under_test() {
  return "qemu-system-x86_64";
}
