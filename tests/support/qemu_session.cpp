// SPDX-License-Identifier: MIT
// The launch protocol in miniature: inherited socket, event log, serial log, FIFO.
#include "tests/support/qemu_session.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/testkit/guests.hpp>

namespace vmfleet::test {
namespace {

// Read-write, so that neither opening it waits for the other end nor reading it ever ends.
UniqueFd make_fifo(const std::filesystem::path& path) {
  if (::mkfifo(path.c_str(), 0600) != 0) throw errno_error("mkfifo", errno);
  return files::open(path, O_RDWR);
}

std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  std::vector<std::string> environment = added;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  return environment;
}

}  // namespace

QemuSession::QemuSession(Loop& loop, const SessionOptions& options)
    : loop_(&loop),
      serial_in_(make_fifo(folder_ / "serial.in")),
      events_in_(make_fifo(folder_ / "events.in")),
      process_(spawn(options)),
      serial_(loop, folder_ / "serial.log"),
      events_(loop, folder_ / "events.log") {}

Process QemuSession::spawn(const SessionOptions& options) {
  files::write_all(events_in_.get(), "{\"execute\":\"qmp_capabilities\"}\n", "events.in");
  const UniqueFd control = listen_unix(folder_ / "control.sock");
  const UniqueFd events = files::open(folder_ / "events.log", O_WRONLY | O_CREAT | O_APPEND);
  const UniqueFd errors = files::open(folder_ / "qemu.err", O_WRONLY | O_CREAT | O_APPEND);
  ProcessOptions process({qemu_under_test().string(), "-S", "-nodefaults", "-no-user-config"});
  const auto add = [&](std::string option, std::string value) {
    process.argv.push_back(std::move(option));
    process.argv.push_back(std::move(value));
  };
  add("-machine", options.machine);
  add("-accel", "tcg");
  add("-m", "32");
  add("-display", "none");
  add("-kernel", testkit::guest_path(options.guest).string());
  if (!options.append.empty()) add("-append", "-- " + options.append);
  add("-chardev", "socket,id=control,fd=3,server=on,wait=off");
  add("-mon", "chardev=control,mode=control");
  add("-chardev", "stdio,id=events,signal=off");
  add("-mon", "chardev=events,mode=control");
  add("-chardev", "file,id=serial0,append=on,path=" + (folder_ / "serial.log").string());
  add("-serial", "chardev:serial0");
  process.argv.insert(process.argv.end(), options.arguments.begin(), options.arguments.end());
  process.environment = environment_with(options.environment);
  process.directory = folder_.path();
  process.descriptors = {{0, events_in_.get()},
                         {1, events.get()},
                         {2, errors.get()},
                         {3, control.get()},
                         {8, serial_in_.get()}};
  process.new_session = true;
  process.dies_with_owner = true;
  return Process::spawn(*loop_, process);
}

Task<void> QemuSession::connect() {
  control_.reset();
  received_.clear();
  control_.emplace(co_await UnixSocket::connect(folder_ / "control.sock"));
  co_await read_line();
  co_await command("qmp_capabilities");
}

Task<void> QemuSession::start() {
  co_await connect();
  json::Object file;
  file.set("in", (folder_ / "serial.in").string()).set("out", (folder_ / "serial.log").string());
  file.set("append", true);
  json::Object backend;
  backend.set("type", "file").set("data", std::move(file));
  json::Object arguments;
  arguments.set("id", "serial0").set("backend", std::move(backend));
  co_await command("chardev-change", std::move(arguments));
  co_await command("cont");
}

Task<json::Value> QemuSession::command(std::string execute, json::Object arguments) {
  json::Object request;
  request.set("execute", std::move(execute));
  if (!arguments.empty()) request.set("arguments", std::move(arguments));
  std::string bytes = json::write(request);
  co_return co_await exchange(std::move(bytes));
}

Task<json::Value> QemuSession::exchange(std::string bytes) {
  co_await control_->write(bytes);
  while (true) {
    const std::string line = co_await read_line();
    if (line.empty()) throw Error(ErrorKind::disconnected, "no reply to " + bytes);
    json::Value message = json::parse(line).value();
    if (message["event"].is_null()) co_return message;
  }
}

Task<std::string> QemuSession::read_line() {
  auto end = received_.find('\n');
  while (end == std::string::npos) {
    char buffer[4096];
    const std::size_t count = co_await control_->read(buffer);
    if (count == 0) co_return std::string();
    received_.append(buffer, count);
    end = received_.find('\n');
  }
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  co_return line;
}

Task<json::Value> QemuSession::event(std::string name) {
  while (true) {
    const auto end = event_lines_.find('\n');
    if (end == std::string::npos) {
      const TailChunk chunk = co_await events_.next();
      event_lines_ += chunk.data;
      continue;
    }
    json::Value message = json::parse(event_lines_.substr(0, end)).value();
    event_lines_.erase(0, end + 1);
    if (message.text("event") == name) co_return message;
  }
}

Task<std::string> QemuSession::serial_until(std::string text) {
  while (serial_text_.find(text) == std::string::npos) {
    const TailChunk chunk = co_await serial_.next();
    serial_text_ += chunk.data;
  }
  co_return serial_text_;
}

void QemuSession::type(std::string_view text) {
  files::write_all(serial_in_.get(), text, "serial.in");
}

std::string QemuSession::standard_error() const {
  return files::read(folder_ / "qemu.err");
}

}  // namespace vmfleet::test
