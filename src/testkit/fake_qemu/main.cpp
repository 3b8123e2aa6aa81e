// SPDX-License-Identifier: MIT
// The program fake_qemu.
#include <csignal>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>

#include "testkit/fake_qemu/fake_qemu.hpp"

namespace {

using namespace vmfleet;
using namespace vmfleet::testkit;

int run(const Options& options) {
  const Script script = Script::load(options);
  if (options.version) {
    const std::string version(script["version"].as_string() ? *script["version"].as_string()
                                                            : "7.2.22");
    fmt::print("QEMU emulator version {} (fake)\n", version);
    return 0;
  }
  const json::Value& exit = script["exit"];
  if (exit.is_object()) {
    fmt::print(stderr, "{}", exit.text("stderr"));
    return static_cast<int>(exit.integer("code", 1));
  }
  FakeQemu machine(options, script);
  return machine.run();
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(parse_options({argv, argv + argc}));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", argv[0], error.what());
    return 1;
  }
}
