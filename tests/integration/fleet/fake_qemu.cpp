// SPDX-License-Identifier: MIT
// The shared scenarios run on the fake QEMU here.
#include <vmfleet/testkit/fake_qemu.hpp>

#include "tests/support/qemu_session.hpp"

std::filesystem::path vmfleet::test::qemu_under_test() {
  return testkit::fake_qemu_path();
}
