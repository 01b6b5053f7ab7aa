"""The end-to-end model of Lee and Kim (KAIST): the faces, sound and words of one utterance."""
