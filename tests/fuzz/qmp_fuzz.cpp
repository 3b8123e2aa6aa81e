// SPDX-License-Identifier: MIT
// libFuzzer entry of QMP framing and of the client's session.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/qmp_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  vmfleet::fuzz::check_framing(input);
  vmfleet::fuzz::check_session(input);
  return 0;
}
