// SPDX-License-Identifier: MIT
// The fields of the header, all of them big-endian.
#include <image/qcow2.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::image {
namespace {

constexpr std::uint64_t kQcow2Magic = 0x514649fb;  // "QFI\xfb"
constexpr std::size_t kLength2 = 72;               // of version 2
constexpr std::uint64_t kExternalData = 1 << 2;

using Header = std::array<unsigned char, kLength2 + 8>;

std::uint64_t number_at(const Header& header, std::size_t offset, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | header[offset + i];
  return number;
}

}  // namespace

Qcow2Header read_qcow2_header(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  Header header{};
  const ssize_t count = fd ? ::pread(fd.get(), header.data(), header.size(), 0) : -1;
  if (count < 0) throw errno_error("read " + path.string(), errno);
  if (count < static_cast<ssize_t>(kLength2) || number_at(header, 0, 4) != kQcow2Magic) {
    throw Error(ErrorKind::invalid_config, path.string() + " is not a qcow2 image")
        .hint("set format = \"raw\"");
  }
  Qcow2Header read;
  const bool has_backing_file = number_at(header, 8, 8) != 0;
  const bool has_features = number_at(header, 4, 4) >= 3;
  const std::uint64_t incompatible = has_features ? number_at(header, 72, 8) : 0;
  read.virtual_size = Bytes(number_at(header, 24, 8));
  read.alone = !has_backing_file && (incompatible & kExternalData) == 0;
  return read;
}

}  // namespace vmfleet::image
