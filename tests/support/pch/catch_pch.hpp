// SPDX-License-Identifier: MIT
// Precompiled: Catch2 is most of a test file's compile time.
#include "tests/support/catch.hpp"
