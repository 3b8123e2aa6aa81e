// SPDX-License-Identifier: MIT
// What a QMP server says: a greeting, replies, events.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/result.hpp>

namespace vmfleet::qmp {

using Value = json::Value;

/// The first message of a QMP server.
struct Greeting {
  Greeting() = default;
  int major = 0;
  int minor = 0;
  int micro = 0;
  std::string package;                    ///< the distribution's name for its build
  std::vector<std::string> capabilities;  ///< what `qmp_capabilities` may ask for, such as "oob"

  /// "7.2.22".
  [[nodiscard]] std::string version() const;
};

/// QEMU refused a command.
struct CommandError {
  CommandError() = default;
  std::string error_class;  ///< "GenericError", "CommandNotFound", "DeviceNotFound"…
  std::string description;  ///< QEMU's own words
};

/// The answer to one command: a value, or why not.
struct Reply {
  Reply() = default;
  Value id;  ///< as the command had it; null when the server could not read the command
  Value value;
  std::optional<CommandError> error;

  [[nodiscard]] bool ok() const noexcept { return !error.has_value(); }
};

/// Something happened, asked for or not.
struct Event {
  using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

  Event() = default;
  std::string name;
  Value data;
  Time timestamp;  ///< QEMU's clock, the host's; the epoch when it had none
};

using Message = std::variant<Greeting, Reply, Event>;

/// One message as `Framer` cut it out.
/// *Errors*: `protocol`, with the beginning of the text.
/// *Source*: QEMU docs/interop/qmp-spec.txt, section 2.
Result<Message> decode(std::string_view text);

/// The refusal as an `Error`, its kind by QEMU's class, QEMU's words as evidence.
Error to_error(const CommandError& refusal, std::string_view command);

}  // namespace vmfleet::qmp
