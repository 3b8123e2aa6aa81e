// SPDX-License-Identifier: MIT
// A QMP conversation as a server may write it: every layout that framing has to survive.
#pragma once

#include <string>
#include <vector>

namespace vmfleet::qmp::test {

struct Transcript {
  std::string bytes;
  std::vector<std::string> messages;  ///< what framing must find, in order
};

/// About 300 kB, the same every time: greeting, replies, errors, events; strings full of brackets,
/// quotes and escapes; one line each, pretty-printed, several on a line, with nothing in between.
Transcript make_transcript();

}  // namespace vmfleet::qmp::test
