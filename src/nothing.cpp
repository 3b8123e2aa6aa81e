// SPDX-License-Identifier: MIT
// A source more, where Meson cannot do with as many as there are; see meson.build.
