// SPDX-License-Identifier: MIT
// Accepting, framing and writing; the script may split, delay or garble what is written.
#include "testkit/fake_qemu/monitor.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace vmfleet::testkit {
namespace {

constexpr std::string_view kGreeting =
    R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, )"
    R"("package": "fake"}, "capabilities": ["oob"]}})"
    "\r\n";

// The length of the first complete object, or of a byte that cannot begin one; 0 when more is
// needed.
std::size_t first_document(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] != '{') return 1;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

}  // namespace

Monitor::Monitor(UniqueFd listener, bool control, const Script& script)
    : script_(&script), listener_(std::move(listener)), control_(control) {
  fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
}

Monitor::Monitor(const Script& script) : script_(&script), control_(true), stdio_(true) {
  output_ = kGreeting;
}

void Monitor::add_polls(std::vector<pollfd>& polls) const {
  const auto now = Monotonic::now();
  if (now < not_before_) return;
  if (!connected()) {
    polls.push_back({listener_.get(), POLLIN, 0});
    return;
  }
  if (!input_ended_) polls.push_back({input_fd(), POLLIN, 0});
  if (!output_.empty() && now >= not_written_before_) {
    polls.push_back({output_fd(), POLLOUT, 0});
  }
}

std::optional<Monotonic::time_point> Monitor::due() const {
  const auto now = Monotonic::now();
  if (not_before_ > now) return not_before_;
  if (!output_.empty() && not_written_before_ > now) return not_written_before_;
  return std::nullopt;
}

void Monitor::serve() {
  if (Monotonic::now() < not_before_) return;
  if (!connected()) {
    client_ = UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client_) return;
    greet();
  }
  read_some();
  write_some();
}

void Monitor::greet() {
  negotiated = !control_;
  input_.clear();
  const json::Value& greeting = (*script_)["greeting"];
  if (!control_) {
    output_ = "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ";
  } else if (greeting.as_string() == nullptr) {
    output_ = kGreeting;
  } else {
    output_ = *greeting.as_string() == "never" ? "" : *greeting.as_string();
  }
  const auto delay = (*script_)["greeting_delay_ms"].as_int().value_or(0);
  not_written_before_ = Monotonic::now() + std::chrono::milliseconds(delay);
}

void Monitor::read_some() {
  pollfd ready{input_fd(), POLLIN, 0};
  if (!connected() || input_ended_ || poll(&ready, 1, 0) <= 0) return;
  char buffer[4096];
  const ssize_t count = read(input_fd(), buffer, sizeof buffer);
  if (count > 0) {
    input_.append(buffer, static_cast<std::size_t>(count));
  } else if (stdio_) {
    input_ended_ = true;
  } else {
    close_client();
  }
}

void Monitor::write_some() {
  if (!connected() || output_.empty() || Monotonic::now() < not_written_before_) return;
  std::size_t size = output_.size();
  if (!stdio_) {
    const auto chunk = (*script_)["chunk"].as_int().value_or(0);
    if (chunk > 0) size = std::min(size, static_cast<std::size_t>(chunk));
    if (bytes_left_) size = std::min(size, *bytes_left_);
  }
  const ssize_t count = write(output_fd(), output_.data(), size);
  if (count > 0) {
    output_.erase(0, static_cast<std::size_t>(count));
    if (bytes_left_) *bytes_left_ -= static_cast<std::size_t>(count);
    const auto delay = (*script_)["chunk_delay_ms"].as_int().value_or(0);
    if (!stdio_) not_written_before_ = Monotonic::now() + std::chrono::milliseconds(delay);
  }
  if (bytes_left_ == std::size_t{0}) close_client();
}

std::optional<Result<json::Value>> Monitor::next_request() {
  const auto start = input_.find_first_not_of(" \t\r\n");
  input_.erase(0, start);
  if (Monotonic::now() < not_before_) return std::nullopt;
  const std::size_t size = first_document(input_);
  if (size == 0) return std::nullopt;
  const std::string document = input_.substr(0, size);
  input_.erase(0, size);
  return json::parse(document);
}

void Monitor::send(const json::Value& message) {
  send_raw(json::write(message) + "\r\n");
}

void Monitor::send_raw(std::string_view bytes) {
  if (connected()) output_ += bytes;
}

void Monitor::pause(std::chrono::milliseconds duration) {
  not_before_ = Monotonic::now() + duration;
}

void Monitor::close_client() {
  client_.reset();
  output_.clear();
  bytes_left_.reset();
  negotiated = false;
}

void Monitor::drain() {
  for (int tries = 0; connected() && !output_.empty() && tries < 20; ++tries) {
    pollfd ready{output_fd(), POLLOUT, 0};
    if (poll(&ready, 1, 10) <= 0) continue;
    const ssize_t count = write(output_fd(), output_.data(), output_.size());
    if (count <= 0) return;
    output_.erase(0, static_cast<std::size_t>(count));
  }
}

}  // namespace vmfleet::testkit
