// SPDX-License-Identifier: MIT
// A bounded number of random streams; the seed is printed.
#include <cstdlib>
#include <random>

#include "tests/fuzz/qmp_target.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

std::mt19937 seeded(int streams) {
  const char* chosen = std::getenv("VMFLEET_SEED");
  const auto seed = chosen != nullptr ? static_cast<unsigned>(std::strtoul(chosen, nullptr, 0))
                                      : std::random_device()();
  WARN(streams << " streams, VMFLEET_SEED=" << seed);
  return std::mt19937(seed);
}

/// Mostly the bytes that stand for pieces of QMP.
std::string random_input(std::mt19937& random, std::size_t most) {
  std::string input(1, static_cast<char>(random()));
  const std::size_t length = random() % most;
  while (input.size() < length) {
    input += static_cast<char>(random() % 8 == 0 ? random() : random() % 29);
  }
  return input;
}

}  // namespace

TEST_CASE("framing agrees with a naive framer on random streams") {
  constexpr int kStreams = 20'000;
  std::mt19937 random = seeded(kStreams);
  for (int i = 0; i < kStreams; ++i) fuzz::check_framing(random_input(random, 60));
}

TEST_CASE("a client's waits all end, whatever its peer says") {
  constexpr int kStreams = 1000;
  std::mt19937 random = seeded(kStreams);
  for (int i = 0; i < kStreams; ++i) fuzz::check_session(random_input(random, 40));
}
