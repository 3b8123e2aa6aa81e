// SPDX-License-Identifier: MIT
// The fuzz target on a fixed number of random inputs, for machines without libFuzzer.
#include "tests/fuzz/matcher_target.hpp"

#include <cstdlib>
#include <random>
#include <string>

#include "tests/support/catch.hpp"

TEST_CASE("the matcher finds exactly what a search of the whole text finds") {
  constexpr int kStreams = 1500;
  const char* chosen = std::getenv("VMFLEET_SEED");
  const auto seed = chosen != nullptr ? static_cast<unsigned>(std::strtoul(chosen, nullptr, 0))
                                      : std::random_device()();
  WARN(kStreams << " streams, VMFLEET_SEED=" << seed);
  std::mt19937 random(seed);
  for (int i = 0; i < kStreams; ++i) {
    std::string data(random() % 80, '\0');
    for (char& c : data) c = static_cast<char>(random());
    vmfleet::fuzz::check_matcher(data);
  }
}
