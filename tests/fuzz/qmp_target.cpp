// SPDX-License-Identifier: MIT
// Random streams and sessions against the framer and the client.
#include "qmp_target.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/qmp/client.hpp>
#include <vmfleet/qmp/framer.hpp>

namespace vmfleet::fuzz {

namespace {

constexpr std::size_t kMessageBytes = 200;
constexpr std::size_t kNesting = 5;

[[noreturn]] void disagree(std::string_view stream, const std::string& why) {
  std::fprintf(stderr, "%s\nstream: %s\n", why.c_str(), sanitize(stream).c_str());
  std::abort();
}

std::vector<std::string> frame(std::string_view stream, std::size_t chunk) {
  qmp::FramerLimits limits;
  limits.message_bytes = kMessageBytes;
  limits.nesting = kNesting;
  qmp::Framer framer(limits);
  std::vector<std::string> found;
  for (std::size_t at = 0; at < stream.size(); at += chunk) {
    framer.feed(stream.substr(at, chunk));
    while (const auto front = framer.front()) {
      found.push_back(front->ok() ? std::string(**front)
                                  : std::string("! ") + front->error().message());
      framer.pop();
    }
  }
  return found;
}

Task<void> command(qmp::Client& client, int& ended) {
  qmp::CommandOptions options;
  options.timeout = Milliseconds(60'000);  // the peer closes long before
  try {
    co_await client.execute("query-status", qmp::Value(), options);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::timed_out || error.kind() == ErrorKind::internal) throw;
  }
  ++ended;
}

Task<void> follow(qmp::Client& client, int& ended) {
  qmp::EventStreamOptions options;
  options.capacity = 2;
  qmp::EventStream stream = client.events(std::move(options));
  bool open = true;
  while (open) {
    try {
      co_await stream.next();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::disconnected && error.kind() != ErrorKind::protocol) throw;
      open = false;
    }
  }
  ++ended;
}

Task<void> say(UnixSocket socket, std::string stream, std::size_t chunk) {
  std::string_view rest = stream;
  try {
    for (; !rest.empty(); rest.remove_prefix(std::min(chunk, rest.size()))) {
      co_await socket.write(rest.substr(0, chunk));
      co_await yield_now();
    }
  } catch (const Error&) {  // the client may leave first
  }
}

Task<void> use(UnixSocket socket, int& ended) {
  try {
    qmp::Client client = co_await qmp::Client::handshake(std::move(socket));
    auto body = [&](TaskGroup& group) -> Task<void> {
      auto run = [&]() -> Task<void> { co_await command(client, ended); };
      auto read = [&]() -> Task<void> { co_await follow(client, ended); };
      group.start(run);
      group.start(read);
      group.start(run);
      co_return;
    };
    co_await with_task_group(body);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::timed_out || error.kind() == ErrorKind::internal) throw;
    ended = 3;
  }
}

}  // namespace

std::string expand_qmp(std::string_view data) {
  static const std::vector<std::string> kPieces = {
      "{",
      "}",
      "[",
      "]",
      "\"",
      "\\",
      "\n",
      "\r\n",
      ":",
      ",",
      " ",
      R"({"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}})",
      R"({"return": {}, "id": 1})",
      R"({"return": {}, "id": 2})",
      R"({"return": [1], "id": 3})",
      R"({"return": "}\"{", "id": 2})",
      R"({"error": {"class": "GenericError", "desc": "x"}})",
      R"({"error": {"class": "GenericError", "desc": "x"}, "id": 3})",
      R"({"return": {}})",
      R"({"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}})",
      R"({"event": "RESET", "data": {"a": [1, 2]}})",
      R"("id": )",
      R"("return": )",
      "\"\\\"",
      "\"}\"",
      "{\"a\": ",
      std::string(64, ' '),
      std::string(150, 'x'),
      "[[[[["};
  std::string stream;
  for (const char c : data) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < kPieces.size()) {
      stream += kPieces[byte];
    } else {
      stream += c;
    }
  }
  return stream;
}

std::vector<std::string> frame_naively(std::string_view stream, std::size_t message_bytes,
                                       std::size_t nesting) {
  std::vector<std::string> found;
  std::size_t at = 0;
  const auto refuse = [&](std::size_t where, const std::string& why) {
    found.push_back(fmt::format("! {} (at byte {} of the stream)", why, where));
    at = std::min(stream.find('\n', where), stream.size());
  };
  while (at < stream.size()) {
    if (std::string_view(" \t\r\n").find(stream[at]) != std::string_view::npos) {
      ++at;
      continue;
    }
    if (stream[at] != '{' && stream[at] != '[') {
      const std::string_view shown = stream.substr(at, 120);
      if (shown.find('\n') == std::string_view::npos && shown.size() < 120) break;
      refuse(at, "bytes that belong to no message");
      continue;
    }
    std::size_t depth = 0;
    bool text = false;
    bool escaped = false;
    const std::size_t start = at;
    for (std::size_t i = start; at == start; ++i) {
      if (i == stream.size()) return found;
      const char c = stream[i];
      if (i - start == message_bytes) {
        refuse(i, fmt::format("a message of more than {} bytes", message_bytes));
      } else if (text) {
        if (static_cast<unsigned char>(c) < 0x20) {
          refuse(i, "a control character inside a string");
        } else if (escaped) {
          escaped = false;
        } else if (c == '\\') {
          escaped = true;
        } else if (c == '"') {
          text = false;
        }
      } else if (c == '"') {
        text = true;
      } else if (c == '{' || c == '[') {
        if (depth == nesting) {
          refuse(i, "nested too deeply");
        } else {
          ++depth;
        }
      } else if ((c == '}' || c == ']') && --depth == 0) {
        found.emplace_back(stream.substr(start, i + 1 - start));
        at = i + 1;
      }
    }
  }
  return found;
}

void check_framing(std::string_view data) {
  if (data.empty()) return;
  const std::size_t chunk = 1 + static_cast<unsigned char>(data[0]) % 32;
  const std::string stream = expand_qmp(data.substr(1));
  const auto expected = frame_naively(stream, kMessageBytes, kNesting);
  for (const std::size_t size : {chunk, stream.size() + 1}) {
    const auto found = frame(stream, size);
    if (found != expected) {
      disagree(stream, fmt::format("in chunks of {}: found {}, expected {}", size,
                                   sanitize(fmt::format("{}", fmt::join(found, " | "))),
                                   sanitize(fmt::format("{}", fmt::join(expected, " | ")))));
    }
  }
}

void check_session(std::string_view data) {
  if (data.empty()) return;
  const auto choice = static_cast<unsigned char>(data[0]);
  std::string stream;
  // Mostly beyond the handshake, where more can go wrong.
  if (choice % 8 != 0) stream = expand_qmp("\x0b\x0c");
  stream += expand_qmp(data.substr(1));
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  Loop loop;
  int ended = 0;
  auto both = [&](TaskGroup& group) -> Task<void> {
    group.start(&say, UnixSocket::adopt(loop, UniqueFd(ends[0])), stream,
                std::size_t{1} + choice / 8);
    co_await use(UnixSocket::adopt(loop, UniqueFd(ends[1])), ended);
  };
  try {
    loop.run(with_timeout(Milliseconds(30'000), with_task_group(both)));
  } catch (const Error& error) {
    disagree(stream, error.message());
  }
  if (ended != 3) disagree(stream, fmt::format("{} of 3 waits ended", ended));
}

}  // namespace vmfleet::fuzz
