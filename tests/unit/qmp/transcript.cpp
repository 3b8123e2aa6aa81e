// SPDX-License-Identifier: MIT
// A long and varied QMP transcript, made anew from a seed.
#include "transcript.hpp"

#include <random>

#include <vmfleet/base/json.hpp>

namespace vmfleet::qmp::test {

namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr std::size_t kSize = 300'000;

class Author {
 public:
  Value greeting() {
    const Object qemu{{"micro", 22}, {"minor", 2}, {"major", 7}};
    const Object version{{"qemu", qemu}, {"package", "Debian 1:7.2+dfsg-7+deb12u18"}};
    return Object{{"QMP", Object{{"version", version}, {"capabilities", Array{"oob"}}}}};
  }

  Value next() {
    switch (below(6)) {
      case 0:
        return event();
      case 1:
        return Object{{"return", Object{}}, {"id", ++id_}};
      case 2:
        return Object{{"id", ++id_},
                      {"error", Object{{"class", "GenericError"}, {"desc", text(80)}}}};
      case 3:
        return Object{{"return", text(below(8) == 0 ? 6'000 : 300)}, {"id", ++id_}};
      default:
        return Object{{"return", tree(4)}, {"id", ++id_}};
    }
  }

  std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  /// What breaks readers that count brackets or quotes without looking at strings.
  std::string text(std::size_t most) {
    static const std::vector<std::string> kPieces = {"{",
                                                     "}",
                                                     "[",
                                                     "]",
                                                     "\"",
                                                     "\\",
                                                     "\\\"",
                                                     "\n",
                                                     "\r\n",
                                                     "\t",
                                                     "},{",
                                                     "\\\\",
                                                     "\x01",
                                                     "info qtree",
                                                     "Gerät",
                                                     "\xF0\x9F\x98\x80",
                                                     "{\"return\": {}}\r\n",
                                                     ":",
                                                     ",",
                                                     "/machine/peripheral"};
    std::string made;
    const std::size_t length = 1 + below(most);
    while (made.size() < length) made += kPieces[below(kPieces.size())];
    return made;
  }

  Value tree(std::size_t depth) {
    if (depth == 0 || below(4) == 0) {
      const std::vector<Value> leaves = {true, nullptr, -12, 3.5, 4294967296.0, "", text(40)};
      return leaves[below(leaves.size())];
    }
    const std::size_t members = below(7);
    if (below(2) == 0) {
      Array array;
      for (std::size_t i = 0; i < members; ++i) array.push_back(tree(depth - 1));
      return array;
    }
    Object object;
    for (std::size_t i = 0; i < members; ++i) object.append(text(12), tree(depth - 1));
    return object;
  }

  Value event() {
    const Object time{{"seconds", 1700000000 + id_},
                      {"microseconds", static_cast<int>(below(1000000))}};
    return Object{{"timestamp", time}, {"event", "BLOCK_JOB_COMPLETED"}, {"data", tree(3)}};
  }

  std::mt19937 random_{20240229};
  int id_ = 0;
};

}  // namespace

Transcript make_transcript() {
  const std::vector<std::string> separators = {"\r\n", "\n", "", "  ", "\r\n\r\n\t"};
  Author author;
  Transcript made;
  Value message = author.greeting();
  while (made.bytes.size() < kSize) {
    made.messages.push_back(json::write(message, author.below(3) == 0 ? 4 : 0));
    made.bytes += made.messages.back();
    made.bytes += separators[author.below(separators.size())];
    message = author.next();
  }
  return made;
}

}  // namespace vmfleet::qmp::test
