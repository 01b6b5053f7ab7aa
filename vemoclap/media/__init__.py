"""The only room that opens a user's file: sources, ffmpeg, frames, sound and subtitles."""
