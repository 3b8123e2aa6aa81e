// SPDX-License-Identifier: MIT
// Conditions in words.
#include "cli/wait_condition.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet::cli {

namespace {

Error refused(std::string_view text) {
  return Error(ErrorKind::invalid_config, fmt::format("'{}' is no condition", sanitize(text)))
      .hint("one of: ready, exit, serial=TEXT, regex=RE, port=FORWARD, event=NAME, ssh, agent");
}

/// False when the text is no condition.
bool add(Readiness& readiness, std::string_view text) {
  const auto equals = text.find('=');
  const std::string_view word = text.substr(0, equals);
  if (equals == std::string_view::npos) {
    if (word == "ssh") return readiness.ssh = true;
    if (word == "agent") return readiness.agent = true;
    return false;
  }
  const std::string value(text.substr(equals + 1));
  if (value.empty()) return false;
  if (word == "serial") {
    readiness.serial.push_back(value);
  } else if (word == "regex") {
    readiness.regex.push_back(value);
  } else if (word == "port") {
    readiness.ports.push_back(value);
  } else if (word == "event") {
    readiness.events.push_back(value);
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<WaitCondition> parse_wait_condition(std::string_view text) {
  WaitCondition condition;
  if (text == "ready") return condition;
  condition.kind = WaitCondition::Kind::exit;
  if (text == "exit") return condition;
  condition.kind = WaitCondition::Kind::condition;
  if (!add(condition.readiness, text)) return refused(text);
  return condition;
}

}  // namespace vmfleet::cli
