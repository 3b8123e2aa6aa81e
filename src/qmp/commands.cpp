// SPDX-License-Identifier: MIT
// Typed commands: arguments in, members out.
#include <vmfleet/qmp/commands.hpp>

#include <fmt/format.h>

namespace vmfleet::qmp {

namespace {

/// A member that the reply must have.
std::string text_of(const Value& reply, const char* key, const char* command) {
  const std::string* text = reply[key].as_string();
  if (text == nullptr) {
    throw Error(ErrorKind::protocol, fmt::format("the reply has no text \"{}\"", key))
        .evidence(json::write(reply))
        .context(command);
  }
  return *text;
}

Task<void> run(Client& client, const char* command) {
  co_await client.execute(command);
}

}  // namespace

Task<Status> query_status(Client& client) {
  const Value reply = co_await client.execute("query-status");
  Status status;
  status.running = reply.flag("running", false);
  status.state = text_of(reply, "status", "query-status");
  co_return status;
}

Task<std::string> query_uuid(Client& client) {
  const Value reply = co_await client.execute("query-uuid");
  co_return text_of(reply, "UUID", "query-uuid");
}

Task<std::string> query_name(Client& client) {
  const Value reply = co_await client.execute("query-name");
  co_return std::string(reply.text("name"));
}

Task<std::string> query_version(Client& client) {
  const Value reply = co_await client.execute("query-version");
  const Value& version = reply["qemu"];
  co_return fmt::format("{}.{}.{}", version.integer("major", 0), version.integer("minor", 0),
                        version.integer("micro", 0));
}

Task<std::vector<std::string>> query_events(Client& client) {
  const Value schema = co_await client.execute("query-qmp-schema");
  std::vector<std::string> names;
  const json::Array* entities = schema.as_array();
  if (entities == nullptr) co_return names;
  for (const auto& entity : *entities) {
    if (entity.text("meta-type") == "event") names.emplace_back(entity.text("name"));
  }
  co_return names;
}

Task<void> cont(Client& client) {
  return run(client, "cont");
}
Task<void> stop(Client& client) {
  return run(client, "stop");
}
Task<void> system_powerdown(Client& client) {
  return run(client, "system_powerdown");
}
Task<void> system_reset(Client& client) {
  return run(client, "system_reset");
}

Task<void> quit(Client& client) {
  try {
    co_await client.execute("quit");
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::disconnected) throw;
  }
}

Task<void> set_link(Client& client, std::string id, bool up) {
  json::Object arguments;
  arguments.set("name", std::move(id)).set("up", up);
  co_await client.execute("set_link", std::move(arguments));
}

Task<std::string> human_monitor_command(Client& client, std::string line) {
  json::Object arguments;
  arguments.append("command-line", std::move(line));
  const Value reply = co_await client.execute("human-monitor-command", std::move(arguments));
  const std::string* output = reply.as_string();
  co_return output != nullptr ? *output : std::string();
}

Task<void> chardev_change_file(Client& client, std::string id, std::string input,
                               std::string output, bool append) {
  json::Object files;
  files.append("in", std::move(input));
  files.append("out", std::move(output));
  files.append("append", append);
  json::Object backend;
  backend.append("type", "file");
  backend.append("data", std::move(files));
  json::Object arguments;
  arguments.append("id", std::move(id));
  arguments.append("backend", std::move(backend));
  co_await client.execute("chardev-change", std::move(arguments));
}

}  // namespace vmfleet::qmp
