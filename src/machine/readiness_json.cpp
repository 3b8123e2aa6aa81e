// SPDX-License-Identifier: MIT
// Readiness as recorded in the intent, so that other commands can wait for it.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/base/utf8.hpp>

#include "machine/live.hpp"

namespace vmfleet {

namespace {

void require_utf8(std::string_view key, const std::vector<std::string>& texts) {
  for (const auto& text : texts) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t length = utf8_sequence_length(rest);
      if (length == 0) {
        throw Error(ErrorKind::invalid_config,
                    fmt::format("readiness: {}: \"{}\" is not UTF-8", key, sanitize(text)))
            .hint("it is recorded as JSON, which cannot hold these bytes");
      }
      rest.remove_prefix(length);
    }
  }
}

}  // namespace

void require_recordable(const Readiness& readiness) {
  require_utf8("serial", readiness.serial);
  require_utf8("regex", readiness.regex);
  require_utf8("ports", readiness.ports);
  require_utf8("events", readiness.events);
  if (readiness.fail) require_utf8("fail", *readiness.fail);
}

json::Value readiness_to_json(const Readiness& readiness) {
  json::Object object{{"serial", json::to_array(readiness.serial)},
                      {"regex", json::to_array(readiness.regex)},
                      {"ports", json::to_array(readiness.ports)},
                      {"ssh", readiness.ssh},
                      {"agent", readiness.agent},
                      {"events", json::to_array(readiness.events)},
                      {"exit", readiness.exit},
                      {"any", readiness.any},
                      {"timeout_ms", std::int64_t{readiness.timeout.count()}}};
  if (readiness.fail) object.set("fail", json::to_array(*readiness.fail));
  return object;
}

Readiness readiness_from_json(const json::Value& value) {
  Readiness readiness;
  readiness.serial = value.texts("serial");
  readiness.regex = value.texts("regex");
  readiness.ports = value.texts("ports");
  readiness.ssh = value.flag("ssh", false);
  readiness.agent = value.flag("agent", false);
  readiness.events = value.texts("events");
  readiness.exit = value.flag("exit", false);
  readiness.any = value.flag("any", false);
  readiness.timeout = Milliseconds(value.integer("timeout_ms", readiness.timeout.count()));
  if (value["fail"].is_array()) readiness.fail = value.texts("fail");
  return readiness;
}

}  // namespace vmfleet
