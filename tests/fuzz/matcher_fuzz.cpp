// SPDX-License-Identifier: MIT
// libFuzzer entry of the matcher.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/matcher_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vmfleet::fuzz::check_matcher({reinterpret_cast<const char*>(data), size});
  return 0;
}
