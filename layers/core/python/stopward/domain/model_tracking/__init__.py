"""How good a model is live: figures over predictions whose outcome is known.

Training judges with numpy what was not learned from; here is judged what was said before it
happened, by the standard library, so that a function of the night loads nothing more.
"""
