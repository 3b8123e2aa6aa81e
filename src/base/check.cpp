// SPDX-License-Identifier: MIT
// The end of a broken contract.
#include <vmfleet/base/check.hpp>

#include <cstdio>
#include <cstdlib>

namespace vmfleet::detail {

void check_failed(const char* file, int line, const char* what) noexcept {
  std::fprintf(stderr, "%s:%d: contract violated: %s\n", file, line, what);
  std::fflush(stderr);
  std::abort();
}

}  // namespace vmfleet::detail
