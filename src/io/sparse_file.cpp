// SPDX-License-Identifier: MIT
// Telling freed parts of a file from zeroes that were written.
#include "io/sparse_file.hpp"

#include <unistd.h>

#include <cerrno>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

namespace {

constexpr std::size_t kChunk = 64 * 1024;

void read_here(int fd, TailChunk& chunk, const std::filesystem::path& path) {
  chunk.data.resize(kChunk);
  const ssize_t count = ::pread(fd, chunk.data.data(), kChunk, static_cast<off_t>(chunk.offset));
  if (count < 0) throw errno_error("read " + path.string(), errno);
  chunk.data.resize(static_cast<std::size_t>(count));
}

/// A freed part reads as zeroes. Looked for after reading: it may have been freed meanwhile.
bool skip_hole(int fd, TailChunk& chunk) {
  if (chunk.data.find('\0') == std::string::npos) return false;
  const off_t data = ::lseek(fd, static_cast<off_t>(chunk.offset), SEEK_DATA);
  // ENXIO: a hole up to the end. Other errors: a file system that knows of none.
  const off_t there = data < 0 && errno == ENXIO ? ::lseek(fd, 0, SEEK_END) : data;
  if (there <= static_cast<off_t>(chunk.offset)) return false;
  chunk.offset = static_cast<std::uint64_t>(there);
  chunk.restarted = true;
  return true;
}

}  // namespace

TailChunk read_past_holes(int fd, std::uint64_t offset, const std::filesystem::path& path) {
  TailChunk chunk;
  chunk.offset = offset;
  read_here(fd, chunk, path);
  while (skip_hole(fd, chunk)) read_here(fd, chunk, path);
  return chunk;
}

}  // namespace vmfleet
