// SPDX-License-Identifier: MIT
// QMP framing against a naive framer, and the client against a peer that says anything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmfleet::fuzz {

/// Small bytes stand for whole pieces of QMP, the others for themselves: streams that are nearly
/// right are found quickly.
std::string expand_qmp(std::string_view data);

/// What framing must find: messages, and "! what" for errors. Byte by byte over the whole stream.
std::vector<std::string> frame_naively(std::string_view stream, std::size_t message_bytes,
                                       std::size_t nesting);

/// The first byte chooses the chunks. Aborts with the stream when framing differs.
void check_framing(std::string_view data);

/// A client with commands and a stream, whose peer says `data` and closes. Aborts when a wait
/// does not end, or ends in an error that it must not have.
void check_session(std::string_view data);

}  // namespace vmfleet::fuzz
