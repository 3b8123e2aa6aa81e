// SPDX-License-Identifier: MIT
// The machine of a fake QEMU: its files, its one loop, its end.
#include "testkit/fake_qemu/fake_qemu.hpp"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>

namespace vmfleet::testkit {
namespace {

json::Value timestamp() {
  timeval now{};
  gettimeofday(&now, nullptr);
  json::Object time;
  time.set("seconds", std::int64_t{now.tv_sec}).set("microseconds", std::int64_t{now.tv_usec});
  return time;
}

UniqueFd listen_at(const std::string& path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  unlink(path.c_str());
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), 1) != 0) {
    throw errno_error("Failed to bind socket to " + path, errno);
  }
  return fd;
}

}  // namespace

FakeQemu::FakeQemu(Options options, Script script)
    : options_(std::move(options)), script_(std::move(script)), guest_(*this, script_, options_) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  lock_pid_file();
  open_serial();
  for (const ForwardOption& forward : options_.forwards) forwards.add(forward);
  if (!options_.kernel.empty() && !std::filesystem::exists(options_.kernel)) {
    throw Error(ErrorKind::not_found, fmt::format("could not open kernel file '{}': "
                                                  "No such file or directory",
                                                  options_.kernel));
  }
  open_monitors();
  if (!options_.paused) status_ = "running";
}

void FakeQemu::lock_pid_file() {
  if (options_.pid_file.empty()) return;
  pid_file_ = UniqueFd(open(options_.pid_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  if (fcntl(pid_file_.get(), F_SETLK, &lock) != 0) {
    throw errno_error("cannot create PID file: Cannot lock pid file", errno);
  }
  const std::string text = std::to_string(getpid()) + "\n";
  if (ftruncate(pid_file_.get(), 0) != 0 || write(pid_file_.get(), text.data(), text.size()) < 0) {
    throw errno_error("cannot create PID file: Failed to write pid file", errno);
  }
}

void FakeQemu::open_serial() {
  const Chardev* serial = options_.chardev(options_.serial_chardev);
  if (serial == nullptr || serial->kind != "file") return;
  serial_out_ =
      UniqueFd(open(serial->path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!serial_out_) throw errno_error("-chardev file: Failed to open " + serial->path, errno);
  if (!serial->input_path.empty()) {
    serial_in_ = UniqueFd(open(serial->input_path.c_str(), O_RDONLY | O_CLOEXEC));
  }
}

void FakeQemu::open_monitors() {
  for (const MonitorOption& option : options_.monitors) {
    const Chardev* chardev = options_.chardev(option.chardev);
    if (chardev == nullptr) {
      throw Error(ErrorKind::invalid_config,
                  fmt::format("-mon chardev={}: chardev not found", option.chardev));
    }
    if (chardev->kind == "stdio") {
      monitors_.emplace_back(script_);
    } else if (chardev->kind == "socket") {
      UniqueFd listener = chardev->fd >= 0 ? UniqueFd(chardev->fd) : listen_at(chardev->path);
      monitors_.emplace_back(std::move(listener), option.control, script_);
    }
  }
}

int FakeQemu::run() {
  while (!exit_status_) {
    read_signal();
    read_serial_input();
    for (Monitor& monitor : monitors_) serve(monitor);
    forwards.serve();
    guest_.run();
    if (!exit_status_) wait_for_work();
  }
  for (Monitor& monitor : monitors_) monitor.drain();
  if (pid_file_) unlink(options_.pid_file.c_str());
  return *exit_status_;
}

void FakeQemu::wait_for_work() {
  std::vector<pollfd> polls = {{signals_.get(), POLLIN, 0}};
  std::optional<Monotonic::time_point> due;
  const auto sooner = [&](std::optional<Monotonic::time_point> time) {
    if (time && (!due || *time < *due)) due = time;
  };
  if (serial_in_) polls.push_back({serial_in_.get(), POLLIN, 0});
  for (const Monitor& monitor : monitors_) {
    monitor.add_polls(polls);
    sooner(monitor.due());
  }
  forwards.add_polls(polls);
  if (running()) sooner(guest_.due());
  int timeout = -1;
  if (due) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Monotonic::now());
    timeout = static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }
  poll(polls.data(), polls.size(), timeout);
}

void FakeQemu::read_signal() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo == SIGTERM && script_.ignores("sigterm")) return;
  fmt::print(stderr, "{}: terminating on signal {} from pid {} (unknown process)\n",
             options_.program, info.ssi_signo, info.ssi_pid);
  shut_down("host-signal", false, 0);
}

void FakeQemu::read_serial_input() {
  pollfd ready{serial_in_.get(), POLLIN, 0};
  if (!serial_in_ || poll(&ready, 1, 0) <= 0) return;
  char buffer[4096];
  const ssize_t count = read(serial_in_.get(), buffer, sizeof buffer);
  if (count > 0) {
    guest_.input(std::string_view(buffer, static_cast<std::size_t>(count)));
  } else {
    serial_in_.reset();
  }
}

void FakeQemu::write_serial(std::string_view bytes) {
  while (serial_out_ && !bytes.empty()) {
    const ssize_t count = write(serial_out_.get(), bytes.data(), bytes.size());
    if (count <= 0) return;  // a full disk: QEMU drops them silently too
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void FakeQemu::emit(std::string_view event, const json::Value& data) {
  json::Object message;
  message.set("timestamp", timestamp()).set("event", event);
  if (data.is_object()) message.set("data", data);
  for (Monitor& monitor : monitors_) {
    if (monitor.control() && monitor.negotiated) monitor.send(message);
  }
}

void FakeQemu::close_clients() {
  for (Monitor& monitor : monitors_) monitor.close_client();
}

void FakeQemu::shut_down(std::string_view reason, bool by_guest, int status) {
  json::Object data;
  data.set("guest", by_guest).set("reason", reason);
  emit("SHUTDOWN", data);
  end(status);
}

void FakeQemu::guest_resets() {
  if (options_.reset_ends) return shut_down("guest-reset", true, 0);
  json::Object data;
  data.set("guest", true).set("reason", "guest-reset");
  emit("RESET", data);
  guest_.restart();
}

void FakeQemu::panic() {
  if (!options_.pvpanic) return;
  const bool pauses = options_.on_panic == "pause";
  const bool runs_on = options_.on_panic == "none";
  json::Object data;
  data.set("action", pauses ? "pause" : runs_on ? "run" : "poweroff");
  emit("GUEST_PANICKED", data);
  if (pauses) {
    set_status("guest-panicked", "STOP");
  } else if (!runs_on) {
    shut_down("guest-panic", true, options_.on_panic == "exit-failure" ? 1 : 0);
  }
}

}  // namespace vmfleet::testkit
