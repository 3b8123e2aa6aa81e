// SPDX-License-Identifier: MIT
// The QMP commands that a fake QEMU answers, and the ways in which it may fail to.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

#include "testkit/fake_qemu/fake_qemu.hpp"

namespace vmfleet::testkit {
namespace {

json::Object success(json::Value value = json::Object()) {
  json::Object reply;
  reply.set("return", std::move(value));
  return reply;
}

json::Object failure(std::string_view error_class, std::string description) {
  json::Object error;
  error.set("class", error_class).set("desc", std::move(description));
  json::Object reply;
  reply.set("error", std::move(error));
  return reply;
}

json::Object version() {
  json::Object numbers;
  numbers.set("micro", 22).set("minor", 2).set("major", 7);
  json::Object value;
  value.set("qemu", std::move(numbers)).set("package", "fake");
  return value;
}

/// Of its schema what clients ask for.
json::Value events() {
  json::Array schema;
  for (const char* name : {"GUEST_PANICKED", "POWERDOWN", "RESET", "RESUME", "SHUTDOWN", "STOP"}) {
    schema.emplace_back(json::Object{{"name", name}, {"meta-type", "event"}});
  }
  return schema;
}

}  // namespace

void FakeQemu::serve(Monitor& monitor) {
  monitor.serve();
  while (auto request = monitor.next_request()) {
    if (!monitor.control()) {
      monitor.send_raw("(qemu) ");
    } else if (!request->ok()) {
      monitor.send(failure("GenericError", "JSON parse error, expecting value"));
    } else {
      answer(monitor, **request);
    }
    if (exit_status_) return;
  }
}

void FakeQemu::answer(Monitor& monitor, const json::Value& request) {
  const std::string command(request.text("execute"));
  json::Object reply;
  if (command.empty()) {
    reply = failure("GenericError", "QMP input lacks member 'execute'");
  } else if (command == "qmp_capabilities") {
    reply = monitor.negotiated ? failure("CommandNotFound",
                                         "Capabilities negotiation is already complete, "
                                         "command ignored")
                               : success();
    monitor.negotiated = true;
  } else if (!monitor.negotiated) {
    reply =
        failure("CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'");
  } else {
    seen_.insert(command);
    if (misbehave(monitor, request)) return;
    const json::Value& scripted = script_["replies"][command];
    reply = scripted["return"].is_null() && scripted["error"].is_null()
                ? execute(command, request["arguments"])
                : *scripted.as_object();
  }
  if (!request["id"].is_null()) reply.set("id", request["id"]);
  if (const std::string* garbage = script_["garble"].as_string()) monitor.send_raw(*garbage);
  monitor.send(reply);
}

// Whether the script wants no ordinary reply to this command.
bool FakeQemu::misbehave(Monitor& monitor, const json::Value& request) {
  const json::Value& wanted = script_["replies"][request.text("execute")];
  if (const auto delay = wanted["delay_ms"].as_int()) {
    monitor.pause(std::chrono::milliseconds(*delay));
  }
  if (const auto bytes = wanted["close_after"].as_int()) {
    monitor.close_after(static_cast<std::size_t>(*bytes));
  }
  if (wanted.flag("vanish", false)) raise(SIGKILL);
  if (wanted.flag("freeze", false)) raise(SIGSTOP);
  if (wanted.flag("close", false)) monitor.close_client();
  if (const std::string* raw = wanted["raw"].as_string()) monitor.send_raw(*raw);
  return wanted.flag("never", false) || wanted.flag("close", false) || !wanted["raw"].is_null();
}

json::Object FakeQemu::execute(const std::string& command, const json::Value& arguments) {
  json::Object value;
  if (command == "query-status") {
    value.set("status", status_).set("singlestep", false).set("running", status_ == "running");
    return success(std::move(value));
  }
  if (command == "query-uuid") return success(std::move(value.set("UUID", options_.uuid)));
  if (command == "query-name") return success(std::move(value.set("name", options_.name)));
  if (command == "query-version") return success(version());
  if (command == "query-qmp-schema") return success(events());
  if (command == "query-kvm") {
    return success(std::move(value.set("enabled", false).set("present", true)));
  }
  if (command == "human-monitor-command") return success(human(arguments.text("command-line")));
  if (command == "chardev-change") return change_chardev(arguments);
  return control(command);
}

json::Object FakeQemu::control(const std::string& command) {
  json::Object data;
  data.set("guest", false);
  if (command == "cont") {
    set_status("running", "RESUME");
  } else if (command == "stop") {
    set_status("paused", "STOP");
  } else if (command == "system_powerdown") {
    emit("POWERDOWN", json::Value());
    if (!script_.ignores("powerdown")) guest_.press_power_button();
  } else if (command == "system_reset") {
    emit("RESET", data.set("reason", "host-qmp-system-reset"));
    guest_.restart();
  } else if (command == "quit") {
    if (!script_.ignores("quit")) shut_down("host-qmp-quit", false, 0);
  } else {
    return failure("CommandNotFound", fmt::format("The command {} has not been found", command));
  }
  return success();
}

void FakeQemu::set_status(std::string_view status, std::string_view event) {
  if (status_ == status) return;
  status_ = status;
  emit(event, json::Value());
}

json::Object FakeQemu::change_chardev(const json::Value& arguments) {
  if (options_.chardev(arguments.text("id")) == nullptr) {
    return failure("GenericError",
                   fmt::format("Chardev '{}' does not exist", arguments.text("id")));
  }
  const json::Value& file = arguments["backend"]["data"];
  const std::string out(file.text("out"));
  const std::string in(file.text("in"));
  UniqueFd output(open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!output) return failure("GenericError", "Failed to open " + out);
  if (!in.empty()) {
    // As in QEMU: opening a FIFO that nobody writes to stops the whole process.
    serial_in_ = UniqueFd(open(in.c_str(), O_RDONLY | O_CLOEXEC));
    if (!serial_in_) return failure("GenericError", "Failed to open " + in);
  }
  serial_out_ = std::move(output);
  return success();
}

std::string FakeQemu::human(std::string_view command) {
  if (command == "info usernet") return forwards.describe();
  const auto words = split(command, ' ');
  if (words[0] == "hostfwd_add" && words.size() >= 2) {
    ForwardOption option;
    option.netdev = words.size() > 2            ? std::string(words[1])
                    : options_.forwards.empty() ? "net0"
                                                : options_.forwards[0].netdev;
    option.rule = std::string(words.back());
    try {
      forwards.add(option);
      return "";
    } catch (const Error& error) {
      return std::string(error.message()) + "\r\n";
    }
  }
  if (words[0] == "hostfwd_remove" && words.size() >= 2) {
    return fmt::format("host forwarding rule for {} {}\r\n", words.back(),
                       forwards.remove(words.back()) ? "removed" : "not found");
  }
  return fmt::format("unknown command: '{}'\r\n", command);
}

}  // namespace vmfleet::testkit
