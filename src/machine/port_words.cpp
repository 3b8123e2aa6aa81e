// SPDX-License-Identifier: MIT
// Every string that may have the words, and every forward that they may name.
#include "machine/port_words.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "machine/host_ports.hpp"

namespace vmfleet {

namespace {

std::vector<std::string*> strings_of(MachineConfig& config, Readiness& readiness) {
  std::vector<std::string*> all;
  const auto add = [&](std::vector<std::string>& texts) {
    for (std::string& text : texts) all.push_back(&text);
  };
  add(config.append);
  add(config.qemu_args);
  for (Injection& injection : config.injections) {
    if (injection.text) all.push_back(&*injection.text);
  }
  add(readiness.serial);
  add(readiness.regex);
  if (readiness.fail) add(*readiness.fail);
  return all;
}

}  // namespace

std::vector<std::string> fill_in_ports(MachineConfig& config, Readiness& readiness) {
  std::vector<std::string> names;
  const std::vector<std::string*> strings = strings_of(config, readiness);
  for (Net& net : config.nets) {
    for (Forward& forward : net.forwards) {
      const std::string word = fmt::format("{{port:{}}}", forward.name);
      const bool named = std::any_of(strings.begin(), strings.end(), [&](const std::string* text) {
        return text->find(word) != std::string::npos;
      });
      if (!named) continue;
      names.push_back(forward.name);
      if (forward.host_port == 0) forward.host_port = find_free_port(forward);
      const std::string port = std::to_string(forward.host_port);
      for (std::string* text : strings) *text = replace_all(*text, word, port);
    }
  }
  return names;
}

}  // namespace vmfleet
